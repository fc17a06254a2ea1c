-- What an 834 says of members and coverages beyond a roster, and the ledger of its envelopes.

ALTER TABLE core.member ADD COLUMN confidentiality_code text, ADD COLUMN employment_status_code text,
    ADD COLUMN prior_subscriber_id text, ADD COLUMN death_date date;
ALTER TABLE core.eligibility ADD COLUMN maintenance_type_code text, ADD COLUMN maintenance_reason_code text;
ALTER TABLE core.member_history ADD COLUMN confidentiality_code text, ADD COLUMN employment_status_code text,
    ADD COLUMN prior_subscriber_id text, ADD COLUMN death_date date;
ALTER TABLE core.eligibility_history ADD COLUMN maintenance_type_code text, ADD COLUMN maintenance_reason_code text;

-- The content of a member has more columns now; nothing of it changed.
DO $$
DECLARE
    member_table text;
BEGIN
    FOREACH member_table IN ARRAY ARRAY['member', 'member_history'] LOOP
        EXECUTE format('UPDATE core.%I SET content_hash = hash_record_extended(ROW(relationship_code, last_name,
            first_name, middle_name, name_suffix, birth_date, gender_code, birth_sequence, ssn_token, address_line_1,
            address_line_2, city, state_code, postal_code, email, phone, hire_date, confidentiality_code,
            employment_status_code, prior_subscriber_id, death_date), 0)', member_table);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION core.eligibility_known(known timestamptz) RETURNS SETOF core.eligibility
LANGUAGE sql STABLE SET search_path = pg_catalog, core AS $$
    SELECT * FROM core.eligibility WHERE known_from <= known
    UNION ALL
    SELECT row_id, partner, subscriber_id, person_code, coverage_line, effective_from, effective_to, group_id,
           plan_code, coverage_tier, division_code, benefit_status, end_kind, end_evidence, content_hash, feed,
           delivery_id, line, known_from, maintenance_type_code, maintenance_reason_code
    FROM core.eligibility_history WHERE known_from <= known AND known_to > known
$$;

CREATE OR REPLACE FUNCTION core.member_known(known timestamptz DEFAULT 'infinity') RETURNS SETOF core.member
LANGUAGE sql STABLE SET search_path = pg_catalog, core AS $$
    SELECT * FROM core.member WHERE known_from <= known
    UNION ALL
    SELECT row_id, partner, subscriber_id, person_code, relationship_code, last_name, first_name, middle_name,
           name_suffix, birth_date, gender_code, birth_sequence, ssn_token, ssn_sealed, ssn_last_four, address_line_1,
           address_line_2, city, state_code, postal_code, email, phone, hire_date, content_hash, feed, delivery_id,
           line, known_from, confidentiality_code, employment_status_code, prior_subscriber_id, death_date
    FROM core.member_history WHERE known_from <= known AND known_to > known
$$;

INSERT INTO ops.reveal_field VALUES
    ('employment_status_code', 'indirect'), ('prior_subscriber_id', 'indirect'), ('death_date', 'indirect');

-- ── envelopes ───────────────────────────────────────────────────────────────
CREATE TABLE ops.interchange (
    delivery_id text NOT NULL REFERENCES ops.delivery,
    place integer NOT NULL,
    level text NOT NULL CHECK (level IN ('interchange', 'group', 'set')),
    control_number text NOT NULL,
    sender text NOT NULL,
    receiver text NOT NULL,
    version text NOT NULL,
    usage text,
    purpose text,
    action text,
    reference text,
    members integer,
    coverages integer,
    is_rejected boolean NOT NULL,
    faults text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (delivery_id, place)
);
CREATE INDEX ON ops.interchange (sender, control_number) WHERE level = 'interchange';
COMMENT ON TABLE ops.interchange IS 'X12 envelopes of a delivery in file order: ISA/IEA, GS/GE, ST/SE, their control numbers and what is wrong with them.';
COMMENT ON COLUMN ops.interchange.control_number IS 'ISA13, GS06 or ST02.';
COMMENT ON COLUMN ops.interchange.usage IS 'ISA15: P production, T test. Of an interchange.';
COMMENT ON COLUMN ops.interchange.purpose IS 'BGN01: 00 original, 15 resubmission, 22 information copy. Of a set.';
COMMENT ON COLUMN ops.interchange.action IS 'BGN08: 2 change, 4 verify, RX replace. Of a set.';
COMMENT ON COLUMN ops.interchange.reference IS 'BGN02. Of a set.';
COMMENT ON COLUMN ops.interchange.faults IS 'Stable codes; where they stand is told by the acknowledgement.';
GRANT SELECT, INSERT, DELETE ON ops.interchange TO concord_loader;
GRANT SELECT ON ops.interchange TO concord_auditor;
