-- What a project keeps beside the versions: the library of equipment, overrides by hand, runs and their files.

CREATE TABLE equipment (
    id {id},
    project BIGINT NOT NULL REFERENCES projects (id),
    class TEXT NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    origin TEXT NOT NULL,
    time_utc TEXT NOT NULL,
    UNIQUE (project, class, name)
);

CREATE TABLE overrides (
    id {id},
    project BIGINT NOT NULL REFERENCES projects (id),
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    value TEXT,
    author TEXT NOT NULL,
    note TEXT NOT NULL,
    time_utc TEXT NOT NULL
);

CREATE INDEX overrides_by_kind ON overrides (project, kind, id);

CREATE TABLE runs (
    id {id},
    project BIGINT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    version BIGINT REFERENCES versions (id),
    options TEXT NOT NULL,
    time_utc TEXT NOT NULL,
    UNIQUE (project, name)
);

CREATE TABLE run_files (
    run BIGINT NOT NULL REFERENCES runs (id),
    position BIGINT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (run, position)
);
