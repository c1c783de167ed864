-- What people and studies make of the versions: networks matched to one another, meters to transformers, records of outages and weather,
-- kept results. Decisions stand in overrides; what follows from them is made anew and kept here with the versions that it rests on.

CREATE TABLE reconciliations (
    id {id},
    project BIGINT NOT NULL REFERENCES projects (id),
    version_a BIGINT NOT NULL REFERENCES versions (id),
    version_b BIGINT NOT NULL REFERENCES versions (id),
    time_utc TEXT NOT NULL,
    author TEXT NOT NULL,
    options TEXT NOT NULL,
    n_matches BIGINT NOT NULL,
    n_conflicts BIGINT NOT NULL,
    n_only_a BIGINT NOT NULL,
    n_only_b BIGINT NOT NULL,
    UNIQUE (project, version_a, version_b)
);

CREATE TABLE matches (
    reconciliation BIGINT NOT NULL REFERENCES reconciliations (id),
    position BIGINT NOT NULL,
    a TEXT NOT NULL,
    b TEXT NOT NULL,
    class TEXT NOT NULL,
    method TEXT NOT NULL,
    score DOUBLE PRECISION,
    distance_m DOUBLE PRECISION,
    tie TEXT,
    reasons TEXT NOT NULL,
    PRIMARY KEY (reconciliation, position)
);

CREATE TABLE conflicts (
    reconciliation BIGINT NOT NULL REFERENCES reconciliations (id),
    position BIGINT NOT NULL,
    kind TEXT NOT NULL,
    a TEXT NOT NULL,
    b TEXT NOT NULL,
    value_a TEXT NOT NULL,
    value_b TEXT NOT NULL,
    lon_deg DOUBLE PRECISION,
    lat_deg DOUBLE PRECISION,
    PRIMARY KEY (reconciliation, position)
);

CREATE TABLE unmatched (
    reconciliation BIGINT NOT NULL REFERENCES reconciliations (id),
    position BIGINT NOT NULL,
    side TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (reconciliation, position)
);

CREATE TABLE record_imports (
    id {id},
    project BIGINT NOT NULL REFERENCES projects (id),
    kind TEXT NOT NULL,
    time_utc TEXT NOT NULL,
    author TEXT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    options TEXT NOT NULL,
    n_new BIGINT NOT NULL,
    n_changed BIGINT NOT NULL,
    n_same BIGINT NOT NULL,
    n_rejected BIGINT NOT NULL
);

CREATE TABLE record_rejects (
    record_import BIGINT NOT NULL REFERENCES record_imports (id),
    position BIGINT NOT NULL,
    file TEXT NOT NULL,
    line BIGINT NOT NULL,
    reason TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (record_import, position)
);

CREATE TABLE meter_places (
    project BIGINT NOT NULL REFERENCES projects (id),
    meter TEXT NOT NULL,
    record_import BIGINT NOT NULL REFERENCES record_imports (id),
    lon_deg DOUBLE PRECISION,
    lat_deg DOUBLE PRECISION,
    feeder TEXT NOT NULL,
    phases BIGINT NOT NULL,
    transformer TEXT,
    bus TEXT,
    demand_kw DOUBLE PRECISION,
    file TEXT NOT NULL,
    line BIGINT NOT NULL,
    PRIMARY KEY (project, meter)
);

CREATE TABLE meter_maps (
    id {id},
    project BIGINT NOT NULL REFERENCES projects (id),
    number BIGINT NOT NULL,
    time_utc TEXT NOT NULL,
    author TEXT NOT NULL,
    options TEXT NOT NULL,
    digest TEXT NOT NULL,
    n_meters BIGINT NOT NULL,
    UNIQUE (project, number)
);

CREATE TABLE meter_map_versions (
    meter_map BIGINT NOT NULL REFERENCES meter_maps (id),
    version BIGINT NOT NULL REFERENCES versions (id),
    PRIMARY KEY (meter_map, version)
);

CREATE TABLE meter_map_rows (
    meter_map BIGINT NOT NULL REFERENCES meter_maps (id),
    position BIGINT NOT NULL,
    meter TEXT NOT NULL,
    transformer TEXT,
    feeder TEXT NOT NULL,
    method TEXT NOT NULL,
    confidence TEXT NOT NULL,
    probability DOUBLE PRECISION,
    distance_m DOUBLE PRECISION,
    second_transformer TEXT,
    second_probability DOUBLE PRECISION,
    second_distance_m DOUBLE PRECISION,
    correlation DOUBLE PRECISION,
    reasons TEXT NOT NULL,
    PRIMARY KEY (meter_map, position)
);

CREATE TABLE outage_steps (
    project BIGINT NOT NULL REFERENCES projects (id),
    step_key TEXT NOT NULL,
    record_import BIGINT NOT NULL REFERENCES record_imports (id),
    event TEXT NOT NULL,
    start_s BIGINT NOT NULL,
    start_day BIGINT NOT NULL,
    restored_s BIGINT,
    restored_day BIGINT,
    customers DOUBLE PRECISION NOT NULL,
    kind TEXT NOT NULL,
    feeder TEXT NOT NULL,
    substation TEXT NOT NULL,
    device TEXT NOT NULL,
    device_type TEXT NOT NULL,
    phases TEXT NOT NULL,
    cause TEXT NOT NULL,
    cause_secondary TEXT NOT NULL,
    weather TEXT NOT NULL,
    comments TEXT NOT NULL,
    lon_deg DOUBLE PRECISION,
    lat_deg DOUBLE PRECISION,
    ci_given DOUBLE PRECISION,
    cmi_given DOUBLE PRECISION,
    file TEXT NOT NULL,
    line BIGINT NOT NULL,
    PRIMARY KEY (project, step_key)
);

CREATE INDEX outage_steps_by_start ON outage_steps (project, start_s);

CREATE TABLE weather_places (
    id {id},
    project BIGINT NOT NULL REFERENCES projects (id),
    place_key TEXT NOT NULL,
    name TEXT NOT NULL,
    lon_deg DOUBLE PRECISION NOT NULL,
    lat_deg DOUBLE PRECISION NOT NULL,
    elevation_m DOUBLE PRECISION,
    utc_offset_s BIGINT NOT NULL,
    typical_year BIGINT NOT NULL,
    UNIQUE (project, place_key)
);

CREATE TABLE weather_values (
    place BIGINT NOT NULL REFERENCES weather_places (id),
    utc_s BIGINT NOT NULL,
    temperature_c DOUBLE PRECISION,
    dew_point_c DOUBLE PRECISION,
    relative_humidity_pct DOUBLE PRECISION,
    wind_speed_m_s DOUBLE PRECISION,
    wind_gust_m_s DOUBLE PRECISION,
    wind_direction_deg DOUBLE PRECISION,
    cloud_cover_pct DOUBLE PRECISION,
    pressure_hpa DOUBLE PRECISION,
    precipitation_mm DOUBLE PRECISION,
    ghi_w_m2 DOUBLE PRECISION,
    dni_w_m2 DOUBLE PRECISION,
    dhi_w_m2 DOUBLE PRECISION,
    PRIMARY KEY (place, utc_s)
);

CREATE TABLE baselines (
    id {id},
    project BIGINT NOT NULL REFERENCES projects (id),
    network BIGINT NOT NULL REFERENCES networks (id),
    name TEXT NOT NULL,
    version BIGINT NOT NULL REFERENCES versions (id),
    time_utc TEXT NOT NULL,
    author TEXT NOT NULL,
    note TEXT NOT NULL,
    n_figures BIGINT NOT NULL,
    UNIQUE (project, network, name)
);

CREATE TABLE baseline_figures (
    baseline BIGINT NOT NULL REFERENCES baselines (id),
    position BIGINT NOT NULL,
    subject TEXT NOT NULL,
    phase BIGINT,
    quantity TEXT NOT NULL,
    value DOUBLE PRECISION,
    file TEXT NOT NULL,
    line BIGINT NOT NULL,
    PRIMARY KEY (baseline, position)
);
