-- The reconciled tables, in pairs: what is believed now, and what was believed before.
-- Ranges are half-open [effective_from, effective_to); a null end is open.
-- Overlaps of one key are refused set-based in the apply transaction: an exclusion
-- constraint costs twenty times the insert (docs/performance.md).

CREATE TABLE core.member (
    row_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner text NOT NULL,
    subscriber_id text NOT NULL,
    person_code text NOT NULL,
    relationship_code text NOT NULL,
    last_name text NOT NULL,
    first_name text NOT NULL,
    middle_name text,
    name_suffix text,
    birth_date date NOT NULL,
    gender_code text,
    birth_sequence integer,
    ssn_token text,
    ssn_sealed bytea,
    ssn_last_four text,
    address_line_1 text,
    address_line_2 text,
    city text,
    state_code text,
    postal_code text,
    email text,
    phone text,
    hire_date date,
    content_hash bigint NOT NULL,
    feed text NOT NULL,
    delivery_id text NOT NULL REFERENCES ops.delivery,
    line bigint NOT NULL,
    known_from timestamptz NOT NULL
);
CREATE UNIQUE INDEX member_key ON core.member (partner, subscriber_id, person_code) INCLUDE (content_hash);

CREATE TABLE core.eligibility (
    row_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner text NOT NULL,
    subscriber_id text NOT NULL,
    person_code text NOT NULL,
    coverage_line text NOT NULL,
    effective_from date NOT NULL,
    effective_to date,
    group_id text NOT NULL,
    plan_code text,
    coverage_tier text,
    division_code text,
    benefit_status text,
    end_kind text CHECK (end_kind IN ('explicit', 'inferred')),
    end_evidence jsonb,
    content_hash bigint NOT NULL,
    feed text NOT NULL,
    delivery_id text NOT NULL REFERENCES ops.delivery,
    line bigint NOT NULL,
    known_from timestamptz NOT NULL,
    CHECK (effective_from < effective_to),
    CHECK ((effective_to IS NULL) = (end_kind IS NULL))
);
CREATE UNIQUE INDEX eligibility_key ON core.eligibility
    (partner, subscriber_id, person_code, coverage_line, effective_from) INCLUDE (content_hash);
CREATE INDEX eligibility_feed ON core.eligibility (feed, group_id, coverage_line);

COMMENT ON TABLE core.member IS 'Who a person is at one partner, as believed now.';
COMMENT ON TABLE core.eligibility IS 'Coverage spans as believed now: one row is one span of one member in one coverage line.';
COMMENT ON COLUMN core.eligibility.row_id IS 'Names the span through all its versions.';
COMMENT ON COLUMN core.eligibility.end_kind IS 'explicit: the partner said so; inferred: the member was missing from a full file.';
COMMENT ON COLUMN core.eligibility.end_evidence IS 'For an inferred end: rule, this delivery, the delivery and line last seen in.';
COMMENT ON COLUMN core.eligibility.known_from IS 'Since when this version is believed.';

CREATE TABLE core.member_history (LIKE core.member, known_to timestamptz NOT NULL,
    closed_by_delivery_id text NOT NULL, closed_by_action text NOT NULL) PARTITION BY RANGE (known_to);
CREATE TABLE core.eligibility_history (LIKE core.eligibility, known_to timestamptz NOT NULL,
    closed_by_delivery_id text NOT NULL, closed_by_action text NOT NULL) PARTITION BY RANGE (known_to);
COMMENT ON TABLE core.member_history IS 'Versions of members that were believed until known_to.';
COMMENT ON TABLE core.eligibility_history IS 'Versions of spans that were believed until known_to; a voided span has no version in core.eligibility.';

DO $$
DECLARE
    entity text;
    this_year integer;
BEGIN
    FOREACH entity IN ARRAY ARRAY['member', 'eligibility'] LOOP
        FOR this_year IN 2026..2036 LOOP
            EXECUTE format('CREATE TABLE core.%1$I PARTITION OF core.%2$I FOR VALUES FROM (%3$L) TO (%4$L)',
                entity || '_history_' || this_year, entity || '_history',
                make_date(this_year, 1, 1), make_date(this_year + 1, 1, 1));
        END LOOP;
        EXECUTE format('CREATE TABLE core.%1$I PARTITION OF core.%2$I DEFAULT',
            entity || '_history_other', entity || '_history');
    END LOOP;
END $$;
CREATE INDEX ON core.member_history (row_id);
CREATE INDEX ON core.eligibility_history (row_id);
CREATE INDEX ON core.eligibility_history (partner, subscriber_id, person_code, coverage_line);
CREATE INDEX ON core.member_history (partner, subscriber_id, person_code);

-- A grant by a person for a limited time (reconcile §9): a source of its own, never overwritten by a feed.
CREATE TABLE core.coverage_override (
    override_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner text NOT NULL,
    subscriber_id text NOT NULL,
    person_code text NOT NULL,
    coverage_line text NOT NULL,
    effective_from date NOT NULL,
    effective_to date NOT NULL,
    reason text NOT NULL,
    granted_by text NOT NULL,
    approved_by text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (effective_from < effective_to),
    CHECK (granted_by <> approved_by)
);

-- One key became another (reconcile §4, rekey): history and person go on.
CREATE TABLE core.key_change (
    partner text NOT NULL,
    prior_key text[] NOT NULL,
    key text[] NOT NULL,
    delivery_id text NOT NULL REFERENCES ops.delivery,
    evidence jsonb NOT NULL,
    known_from timestamptz NOT NULL,
    PRIMARY KEY (partner, prior_key, known_from)
);

CREATE FUNCTION core.eligibility_known(known timestamptz) RETURNS SETOF core.eligibility
LANGUAGE sql STABLE SET search_path = pg_catalog, core AS $$
    SELECT * FROM core.eligibility WHERE known_from <= known
    UNION ALL
    SELECT row_id, partner, subscriber_id, person_code, coverage_line, effective_from, effective_to, group_id,
           plan_code, coverage_tier, division_code, benefit_status, end_kind, end_evidence, content_hash, feed,
           delivery_id, line, known_from
    FROM core.eligibility_history WHERE known_from <= known AND known_to > known
$$;
COMMENT ON FUNCTION core.eligibility_known IS 'The spans as they were believed at the instant known.';

CREATE FUNCTION core.eligibility_as_of(on_date date, known timestamptz DEFAULT 'infinity') RETURNS SETOF core.eligibility
LANGUAGE sql STABLE SET search_path = pg_catalog, core AS $$
    SELECT * FROM core.eligibility_known(known)
    WHERE effective_from <= on_date AND (effective_to IS NULL OR effective_to > on_date)
$$;
COMMENT ON FUNCTION core.eligibility_as_of IS 'Who was covered on a date, as believed at the instant known.';

CREATE FUNCTION core.member_known(known timestamptz DEFAULT 'infinity') RETURNS SETOF core.member
LANGUAGE sql STABLE SET search_path = pg_catalog, core AS $$
    SELECT * FROM core.member WHERE known_from <= known
    UNION ALL
    SELECT row_id, partner, subscriber_id, person_code, relationship_code, last_name, first_name, middle_name,
           name_suffix, birth_date, gender_code, birth_sequence, ssn_token, ssn_sealed, ssn_last_four, address_line_1,
           address_line_2, city, state_code, postal_code, email, phone, hire_date, content_hash, feed, delivery_id,
           line, known_from
    FROM core.member_history WHERE known_from <= known AND known_to > known
$$;
COMMENT ON FUNCTION core.member_known IS 'The members as they were believed at the instant known.';
