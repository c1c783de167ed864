-- The history in PostgreSQL. Times are timestamps with time zone, to the microsecond. Samples lie in twin_samples, which is made apart:
-- as a hypertable of TimescaleDB, or in partitions of a day.
CREATE TABLE IF NOT EXISTS twin_meta (
    key text PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE IF NOT EXISTS twin_points (
    id integer PRIMARY KEY,
    name text NOT NULL UNIQUE,
    unit text NOT NULL
);

-- The last sample of each point among raw values that are gone.
CREATE TABLE IF NOT EXISTS twin_last (
    point integer PRIMARY KEY,
    time timestamptz NOT NULL,
    kind smallint NOT NULL,
    quality integer NOT NULL,
    number double precision,
    whole bigint,
    extra integer,
    text text
);

-- Hours and days in which a value stands; summed says that the sums are those of the samples as they are.
CREATE TABLE IF NOT EXISTS twin_hours (
    hour timestamptz PRIMARY KEY,
    summed boolean NOT NULL DEFAULT false
);

CREATE TABLE IF NOT EXISTS twin_days (
    day timestamptz PRIMARY KEY,
    summed boolean NOT NULL DEFAULT false
);

CREATE TABLE IF NOT EXISTS twin_hourly (
    point integer NOT NULL,
    start timestamptz NOT NULL,
    count bigint NOT NULL,
    count_good bigint NOT NULL,
    covered_us bigint NOT NULL,
    good_us bigint NOT NULL,
    integral double precision NOT NULL,
    min double precision,
    max double precision,
    last_time timestamptz,
    last_value double precision,
    last_quality integer,
    PRIMARY KEY (point, start)
);
CREATE INDEX IF NOT EXISTS twin_hourly_start ON twin_hourly (start);

CREATE TABLE IF NOT EXISTS twin_daily (
    point integer NOT NULL,
    start timestamptz NOT NULL,
    count bigint NOT NULL,
    count_good bigint NOT NULL,
    covered_us bigint NOT NULL,
    good_us bigint NOT NULL,
    integral double precision NOT NULL,
    min double precision,
    max double precision,
    last_time timestamptz,
    last_value double precision,
    last_quality integer,
    PRIMARY KEY (point, start)
);
CREATE INDEX IF NOT EXISTS twin_daily_start ON twin_daily (start);

-- record is the whole event; the other columns say the same for queries.
CREATE TABLE IF NOT EXISTS twin_events (
    sequence bigint PRIMARY KEY,
    time timestamptz NOT NULL,
    kind text NOT NULL,
    severity smallint NOT NULL,
    subject text,
    message text NOT NULL,
    record text NOT NULL
);
CREATE INDEX IF NOT EXISTS twin_events_time ON twin_events (time);
CREATE INDEX IF NOT EXISTS twin_events_kind ON twin_events (kind, sequence);
