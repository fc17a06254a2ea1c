-- Exports of FHIR servers: the job at the server, the files of its manifest, and the tokens to ask with.

CREATE TABLE ops.export (
    delivery_id text PRIMARY KEY REFERENCES ops.delivery,
    feed text NOT NULL REFERENCES ops.lease,
    group_id text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'wanted' CHECK (state IN ('wanted', 'running', 'ready', 'landed', 'over')),
    since timestamptz,
    types text[] NOT NULL,
    status_url_sealed bytea,
    manifest_sealed bytea,
    transaction_time timestamptz,
    wanted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    polled_at timestamptz,
    polls integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    unreached integer NOT NULL DEFAULT 0,
    progress text,
    over_at timestamptz,
    over_reason text,
    CHECK ((state IN ('running', 'ready')) <= (status_url_sealed IS NOT NULL)),
    CHECK ((state = 'over') = (over_at IS NOT NULL))
);
CREATE UNIQUE INDEX one_export_at_a_time ON ops.export (feed, group_id) WHERE state IN ('wanted', 'running', 'ready');
COMMENT ON TABLE ops.export IS 'The job at a FHIR server that brings a delivery. One at a time for each group: servers allow no second.';
COMMENT ON COLUMN ops.export.state IS
    'wanted: asked for, and whether the server heard it is not known; running; ready: its manifest is here; landed: all of it is in landing; over: the server was told that it may forget it, or has forgotten it.';
COMMENT ON COLUMN ops.export.since IS 'What changed since then was asked for; null: everything.';
COMMENT ON COLUMN ops.export.status_url_sealed IS 'Where the server tells how far it is, encrypted: whoever knows it may take the files.';
COMMENT ON COLUMN ops.export.manifest_sealed IS 'The server''s manifest with the addresses of the files, encrypted.';
COMMENT ON COLUMN ops.export.failures IS 'How often in a row the server said that the job failed.';
COMMENT ON COLUMN ops.export.unreached IS 'How often in a row the server did not answer as it should.';
COMMENT ON COLUMN ops.export.transaction_time IS 'The server''s clock when it read its tables: since then the next export asks, once this one has got in.';

CREATE TABLE ops.export_file (
    delivery_id text NOT NULL REFERENCES ops.export,
    part integer NOT NULL CHECK (part > 0),
    kind text NOT NULL CHECK (kind IN ('output', 'deleted', 'error')),
    resource_type text NOT NULL,
    declared_count bigint CHECK (declared_count >= 0),
    manifest jsonb,
    sha256 text,
    byte_count bigint,
    resource_count bigint,
    line_count bigint,
    first_line bigint,
    landed_at timestamptz,
    PRIMARY KEY (delivery_id, part),
    CHECK (num_nonnulls(sha256, byte_count, resource_count, line_count, landed_at) IN (0, 5))
);
COMMENT ON TABLE ops.export_file IS 'The files of an export''s manifest: what the server says is in them, and what was.';
COMMENT ON COLUMN ops.export_file.manifest IS 'Of the file in landing, until all of them are put together as the delivery''s object.';
COMMENT ON COLUMN ops.export_file.resource_count IS 'Lines that are not blank: what declared_count counts.';
COMMENT ON COLUMN ops.export_file.first_line IS 'Where its lines begin in the delivery''s object, from 1.';

-- A rejected or failed export is made good by the next one of its group, which asks since the same time.
INSERT INTO ops.legal_edge VALUES ('rejected', 'superseded');

CREATE TABLE ops.access_token (
    conn_id text PRIMARY KEY,
    sealed bytea,
    expires_at timestamptz,
    minted_at timestamptz
);
COMMENT ON TABLE ops.access_token IS 'The access token of a connection, encrypted, shared by all workers; whoever holds its row gets the next one.';

GRANT SELECT, INSERT, UPDATE ON ops.export TO concord_loader;
GRANT SELECT, INSERT, UPDATE ON ops.export_file TO concord_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.access_token TO concord_loader;
