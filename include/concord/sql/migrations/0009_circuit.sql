-- Logins that a partner refused: after two in a row nobody knocks any more, so that no account is locked.
CREATE TABLE ops.circuit (
    conn_id text PRIMARY KEY,
    refused integer NOT NULL CHECK (refused > 0),
    refused_at timestamptz NOT NULL
);
COMMENT ON TABLE ops.circuit IS 'Connections whose last login was refused; no row where the last one succeeded.';
COMMENT ON COLUMN ops.circuit.refused IS 'Logins refused in a row; the one being tried is counted before it is tried.';

GRANT SELECT, INSERT, UPDATE, DELETE ON ops.circuit TO concord_loader;
