-- refused is what reading found and belongs to the checksum; disposition is what the plan makes of it.
CREATE UNLOGGED TABLE {stage} (
    line bigint NOT NULL,
    lines integer NOT NULL,
    refused boolean NOT NULL,
    hints text[],
    disposition text NOT NULL DEFAULT 'consumed',
    reason text,
    {columns}
) WITH (autovacuum_enabled = false)
