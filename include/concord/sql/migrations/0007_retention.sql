-- Keys, retention and legal holds.

-- ── under which key ─────────────────────────────────────────────────────────
-- Byte 0 of a sealed value is its format, byte 1 the length of the key's id, then the id (protect.py).
-- CASE is evaluated in order: get_byte() fails behind the end of a value.
CREATE FUNCTION ops.key_id_of(sealed bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN octet_length(sealed) < 31 THEN NULL
            WHEN get_byte(sealed, 0) <> 1 OR octet_length(sealed) < 30 + get_byte(sealed, 1) THEN NULL
            ELSE convert_from(substr(sealed, 3, get_byte(sealed, 1)), 'LATIN1') END;
COMMENT ON FUNCTION ops.key_id_of IS 'Id of the seal key that a sealed value or wrapped data key needs; null for anything else.';
REVOKE ALL ON FUNCTION ops.key_id_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.key_id_of TO concord_loader;

CREATE TABLE ops.match_key (
    partner text PRIMARY KEY,
    key_id text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE ops.match_key IS 'Under which token key a partner''s SSN tokens are: every writer of members holds its row, a rotation changes it.';
INSERT INTO ops.match_key (partner, key_id)
SELECT partner, mode() WITHIN GROUP (ORDER BY split_part(ssn_token, ':', 1))
FROM core.member WHERE ssn_token IS NOT NULL GROUP BY partner;
GRANT SELECT, INSERT, UPDATE ON ops.match_key TO concord_loader;

ALTER TABLE ops.stage_attempt ADD COLUMN token_key_id text;
COMMENT ON COLUMN ops.stage_attempt.token_key_id IS 'Key of its SSN tokens: compared with those of core only while both are under one key.';

-- ── how long ────────────────────────────────────────────────────────────────
ALTER TABLE ops.delivery
    ADD COLUMN shredded_at timestamptz,
    ADD COLUMN erased_at timestamptz,
    ADD CONSTRAINT shredded_has_no_key
        CHECK (shredded_at IS NULL OR (manifest ->> 'wrapped_key' = '' AND file_name_sealed IS NULL)),
    ADD CONSTRAINT shredded_before_erased CHECK (erased_at IS NULL OR shredded_at IS NOT NULL);
CREATE INDEX ON ops.delivery (sha256);
COMMENT ON COLUMN ops.delivery.shredded_at IS 'When its retention was over and its data key was destroyed; row, counts and hash stay.';
COMMENT ON COLUMN ops.delivery.erased_at IS 'When the archive was seen to hold nothing of it any more.';

ALTER TABLE ops.quarantine
    ALTER COLUMN raw_sealed DROP NOT NULL,
    ADD COLUMN shredded_at timestamptz,
    ADD CONSTRAINT raw_until_shredded CHECK ((raw_sealed IS NULL) = (shredded_at IS NOT NULL));
COMMENT ON COLUMN ops.quarantine.shredded_at IS 'When its retention was over and the raw row was destroyed; line and reasons stay.';

CREATE TABLE ops.legal_hold (
    legal_hold_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner text,
    feed text REFERENCES ops.lease,
    delivery_id text REFERENCES ops.delivery,
    matter text NOT NULL CHECK (matter <> ''),
    placed_by text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    released_by text,
    released_at timestamptz,
    release_reason text,
    CHECK (num_nonnulls(partner, feed, delivery_id) = 1),
    CHECK (num_nonnulls(released_by, released_at, release_reason) IN (0, 3))
);
COMMENT ON TABLE ops.legal_hold IS 'What must not be destroyed, whatever its retention: all of a partner, a feed, or one delivery.';
COMMENT ON COLUMN ops.legal_hold.matter IS 'The case it is for, as counsel names it; no member data.';
GRANT SELECT, INSERT ON ops.legal_hold TO concord_loader;
GRANT UPDATE (released_by, released_at, release_reason) ON ops.legal_hold TO concord_loader;

-- The loader may not read the trail: a function of its owner says what is missing in it, and nothing else.
CREATE FUNCTION ops.find_unaudited_shreds() RETURNS TABLE (delivery_id text, what text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
    WITH deed AS (
        SELECT d.delivery_id, 'file' AS what FROM ops.delivery d WHERE d.shredded_at IS NOT NULL
        UNION
        SELECT q.delivery_id, 'rows' FROM ops.quarantine q WHERE q.shredded_at IS NOT NULL
    ), entry AS (
        SELECT DISTINCT a.object AS delivery_id, a.detail ->> 'what' AS what FROM ops.audit a WHERE action = 'shred'
    )
    (TABLE deed EXCEPT TABLE entry) UNION ALL (TABLE entry EXCEPT TABLE deed)
$$;
COMMENT ON FUNCTION ops.find_unaudited_shreds IS 'Deliveries shredded without an audit entry, or with one and not shredded.';
REVOKE ALL ON FUNCTION ops.find_unaudited_shreds FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.find_unaudited_shreds TO concord_loader, concord_auditor;
