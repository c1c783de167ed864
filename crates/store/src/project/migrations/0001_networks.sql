-- Networks, their versions, and what the versions are made of. One text for both databases; {id} is the primary key that numbers itself.

CREATE TABLE projects (
    id {id},
    name TEXT NOT NULL UNIQUE,
    time_utc TEXT NOT NULL,
    note TEXT NOT NULL
);

CREATE TABLE networks (
    id {id},
    project BIGINT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    UNIQUE (project, name)
);

CREATE TABLE versions (
    id {id},
    network BIGINT NOT NULL REFERENCES networks (id),
    number BIGINT NOT NULL,
    time_utc TEXT NOT NULL,
    model TEXT NOT NULL,
    importer TEXT NOT NULL,
    program TEXT NOT NULL,
    options TEXT NOT NULL,
    author TEXT NOT NULL,
    note TEXT NOT NULL,
    digest TEXT NOT NULL,
    n_items BIGINT NOT NULL,
    n_buses BIGINT NOT NULL,
    n_elements BIGINT NOT NULL,
    n_errors BIGINT NOT NULL,
    n_warnings BIGINT NOT NULL,
    n_rejects BIGINT NOT NULL,
    UNIQUE (network, number)
);

CREATE TABLE items (
    hash TEXT PRIMARY KEY,
    section TEXT NOT NULL,
    class TEXT NOT NULL,
    name TEXT NOT NULL,
    buses TEXT NOT NULL,
    kv_ll DOUBLE PRECISION,
    phases TEXT NOT NULL,
    feeder TEXT NOT NULL,
    wkt TEXT,
    content TEXT NOT NULL
);

CREATE TABLE version_items (
    version BIGINT NOT NULL REFERENCES versions (id),
    section TEXT NOT NULL,
    position BIGINT NOT NULL,
    item TEXT NOT NULL REFERENCES items (hash),
    item_key TEXT NOT NULL,
    creation BIGINT,
    sources TEXT NOT NULL,
    PRIMARY KEY (version, section, position)
);

CREATE TABLE sources (
    version BIGINT NOT NULL REFERENCES versions (id),
    position BIGINT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (version, position)
);

CREATE TABLE source_names (
    version BIGINT NOT NULL REFERENCES versions (id),
    position BIGINT NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (version, position)
);

CREATE TABLE findings (
    version BIGINT NOT NULL REFERENCES versions (id),
    position BIGINT NOT NULL,
    code TEXT NOT NULL,
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    element TEXT,
    file TEXT,
    line BIGINT,
    lon_deg DOUBLE PRECISION,
    lat_deg DOUBLE PRECISION,
    detail TEXT,
    hint TEXT,
    PRIMARY KEY (version, position)
);

CREATE TABLE ledger (
    version BIGINT NOT NULL REFERENCES versions (id),
    position BIGINT NOT NULL,
    field TEXT NOT NULL,
    disposition TEXT NOT NULL,
    value TEXT,
    reason TEXT,
    n BIGINT NOT NULL,
    file TEXT,
    line BIGINT,
    PRIMARY KEY (version, position)
);

CREATE TABLE rejects (
    version BIGINT NOT NULL REFERENCES versions (id),
    position BIGINT NOT NULL,
    file TEXT NOT NULL,
    line BIGINT NOT NULL,
    reason TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (version, position)
);

CREATE TABLE counts (
    version BIGINT NOT NULL REFERENCES versions (id),
    position BIGINT NOT NULL,
    what TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (version, position)
);

CREATE TABLE study_figures (
    version BIGINT NOT NULL REFERENCES versions (id),
    position BIGINT NOT NULL,
    subject TEXT NOT NULL,
    phase BIGINT,
    quantity TEXT NOT NULL,
    value DOUBLE PRECISION,
    file TEXT NOT NULL,
    line BIGINT NOT NULL,
    PRIMARY KEY (version, position)
);

CREATE VIEW version_names AS
    SELECT v.id AS version, p.name AS project, n.name AS network, v.number AS number
    FROM versions v JOIN networks n ON n.id = v.network JOIN projects p ON p.id = n.project;

CREATE VIEW elements AS
    SELECT v.project, v.network, v.number AS version, vi.item_key AS element, i.class, i.name, i.buses, i.kv_ll, i.phases, i.feeder, i.wkt,
           vi.creation, i.content, i.hash
    FROM version_items vi JOIN items i ON i.hash = vi.item JOIN version_names v ON v.version = vi.version
    WHERE vi.creation IS NOT NULL;

CREATE VIEW buses AS
    SELECT v.project, v.network, v.number AS version, vi.item_key AS bus, i.kv_ll, i.phases, i.wkt, i.content, i.hash
    FROM version_items vi JOIN items i ON i.hash = vi.item JOIN version_names v ON v.version = vi.version
    WHERE vi.section = 'buses';

CREATE VIEW assets AS
    SELECT v.project, v.network, v.number AS version, vi.item_key AS asset, i.class AS kind, i.feeder, i.wkt, i.content, i.hash
    FROM version_items vi JOIN items i ON i.hash = vi.item JOIN version_names v ON v.version = vi.version
    WHERE vi.section = 'assets';

CREATE VIEW catalogue AS
    SELECT v.project, v.network, v.number AS version, i.class, vi.item_key AS entry, i.content, i.hash
    FROM version_items vi JOIN items i ON i.hash = vi.item JOIN version_names v ON v.version = vi.version
    WHERE vi.creation IS NULL AND vi.section NOT IN ('buses', 'assets', 'network');
