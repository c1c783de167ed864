-- Who may use the server, and what was done. Statements are separated by blank lines.

CREATE TABLE server_users (
    id {id},
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    password_ms BIGINT NOT NULL,
    login_ms BIGINT
);

CREATE TABLE server_sessions (
    hash TEXT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES server_users (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    address TEXT NOT NULL
);

CREATE INDEX server_sessions_by_user ON server_sessions (user_id);

CREATE TABLE server_tokens (
    id {id},
    user_id BIGINT NOT NULL REFERENCES server_users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT,
    used_ms BIGINT
);

CREATE INDEX server_tokens_by_user ON server_tokens (user_id);

CREATE TABLE server_failures (
    subject TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    locked_ms BIGINT NOT NULL
);

CREATE TABLE server_settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    time_ms BIGINT NOT NULL,
    author TEXT NOT NULL
);

CREATE TABLE server_audit (
    id {id},
    time_ms BIGINT NOT NULL,
    author TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    chain TEXT NOT NULL
);

CREATE INDEX server_audit_by_author ON server_audit (author, id);

CREATE INDEX server_audit_by_action ON server_audit (action, id);

-- sqlite
CREATE TRIGGER server_audit_keeps_rows BEFORE UPDATE ON server_audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END

-- sqlite
CREATE TRIGGER server_audit_loses_nothing BEFORE DELETE ON server_audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END

-- postgres
CREATE FUNCTION server_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$

-- postgres
CREATE TRIGGER server_audit_keeps_rows BEFORE UPDATE OR DELETE OR TRUNCATE ON server_audit
FOR EACH STATEMENT EXECUTE FUNCTION server_audit_refuse()
