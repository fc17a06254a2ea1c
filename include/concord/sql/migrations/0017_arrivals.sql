-- Files as they arrived, where a delivery is more than one: parts, companions, and what is wrapped in envelopes.

CREATE TABLE ops.arrival (
    delivery_id text NOT NULL REFERENCES ops.delivery,
    file integer NOT NULL CHECK (file > 0),
    kind text NOT NULL CHECK (kind IN ('data', 'control', 'checksum')),
    part integer CHECK (part > 0),
    file_name_sealed bytea,
    remote_size bigint NOT NULL CHECK (remote_size >= 0),
    remote_modified_at timestamptz NOT NULL,
    manifest jsonb,
    sha256 text,
    byte_count bigint,
    landed_at timestamptz,
    record_count bigint CHECK (record_count >= 0),
    first_byte bigint CHECK (first_byte >= 0),
    content_bytes bigint CHECK (content_bytes >= 0),
    opened_by text,
    signed_by text,
    shredded_at timestamptz,
    erased_at timestamptz,
    PRIMARY KEY (delivery_id, file),
    CHECK (num_nonnulls(manifest, sha256, byte_count, landed_at) IN (0, 4)),
    CHECK (num_nonnulls(first_byte, content_bytes) IN (0, 2)),
    CHECK ((kind = 'data') <= (part IS NOT NULL)),
    CONSTRAINT shredded_has_no_key
        CHECK (shredded_at IS NULL OR (manifest ->> 'wrapped_key' = '' AND file_name_sealed IS NULL)),
    CONSTRAINT shredded_before_erased CHECK (erased_at IS NULL OR shredded_at IS NOT NULL)
);
CREATE INDEX ON ops.arrival (sha256);
COMMENT ON TABLE ops.arrival IS 'The files of a delivery as they arrived, in the order they are fetched. A delivery that is one plain file has none.';
COMMENT ON COLUMN ops.arrival.kind IS 'data; control: says what the delivery is made of; checksum: has the hash of a file.';
COMMENT ON COLUMN ops.arrival.part IS 'Of data: its place in the delivery, from 1. Of a companion: the file it stands beside; null: all of them.';
COMMENT ON COLUMN ops.arrival.file_name_sealed IS 'The partner''s file name, encrypted: it may carry names.';
COMMENT ON COLUMN ops.arrival.manifest IS 'Of the object in landing: its bytes as they arrived, before anything was unwrapped.';
COMMENT ON COLUMN ops.arrival.record_count IS 'How many records a control file says are in it; of the control file itself: in the whole delivery.';
COMMENT ON COLUMN ops.arrival.first_byte IS 'Where its content begins in the delivery''s object.';
COMMENT ON COLUMN ops.arrival.content_bytes IS 'How long its content is there: what was unwrapped from it.';
COMMENT ON COLUMN ops.arrival.opened_by IS 'Of an encrypted file: the fingerprint of our key that opened it.';
COMMENT ON COLUMN ops.arrival.signed_by IS 'Of a signed file: the fingerprints of the partner''s certificates whose signatures are valid.';
COMMENT ON COLUMN ops.arrival.shredded_at IS 'When its retention was over and its data key was destroyed; row, count and hash stay.';
COMMENT ON COLUMN ops.arrival.erased_at IS 'When the archive was seen to hold nothing of it any more.';

CREATE VIEW ops.landed_object AS
SELECT delivery_id, 0 AS file, sha256, byte_count, manifest, landed_at, shredded_at, erased_at
FROM ops.delivery WHERE manifest IS NOT NULL
UNION ALL
SELECT delivery_id, file, sha256, byte_count, manifest, landed_at, shredded_at, erased_at
FROM ops.arrival WHERE manifest IS NOT NULL;
COMMENT ON VIEW ops.landed_object IS 'Every object that the archive holds for a delivery: what is read (file 0), and the files as they arrived.';

CREATE OR REPLACE FUNCTION ops.find_unaudited_shreds() RETURNS TABLE (delivery_id text, what text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
    WITH deed AS (
        SELECT d.delivery_id, 'file' AS what FROM ops.delivery d WHERE d.shredded_at IS NOT NULL
        UNION
        SELECT a.delivery_id, 'file' FROM ops.arrival a WHERE a.shredded_at IS NOT NULL
        UNION
        SELECT q.delivery_id, 'rows' FROM ops.quarantine q WHERE q.shredded_at IS NOT NULL
    ), entry AS (
        SELECT DISTINCT a.object AS delivery_id, a.detail ->> 'what' AS what FROM ops.audit a WHERE action = 'shred'
    )
    (TABLE deed EXCEPT TABLE entry) UNION ALL (TABLE entry EXCEPT TABLE deed)
$$;

GRANT SELECT, INSERT, UPDATE ON ops.arrival TO concord_loader;
GRANT SELECT ON ops.landed_object TO concord_loader;
