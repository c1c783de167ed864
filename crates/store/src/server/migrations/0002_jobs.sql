-- Jobs and what they told. Times are milliseconds since 1970 UTC.

CREATE TABLE server_jobs (
    number {id},
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    project TEXT NOT NULL,
    params TEXT NOT NULL,
    state TEXT NOT NULL,
    lane TEXT NOT NULL,
    author TEXT NOT NULL,
    request_key TEXT,
    created_ms BIGINT NOT NULL,
    started_ms BIGINT,
    ended_ms BIGINT,
    attempts BIGINT NOT NULL,
    attempts_max BIGINT NOT NULL,
    cancel_asked BIGINT NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    unit TEXT NOT NULL,
    message TEXT NOT NULL,
    result TEXT,
    problem TEXT,
    UNIQUE (author, request_key)
);

CREATE INDEX server_jobs_state ON server_jobs (state, number);

CREATE INDEX server_jobs_project ON server_jobs (project, number);

CREATE TABLE server_job_log (
    job BIGINT NOT NULL REFERENCES server_jobs (number),
    position BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    level TEXT NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (job, position)
);
