-- Persons: who the members of partners and the patients of health systems are, across all of them.
--
-- Links are planned, stored, looked at and applied like deliveries are, in tables of their own: a link has
-- no file, no lines, no scope and no contract, so that a row of ops.delivery would be mostly exceptions.

-- ── names, compared ─────────────────────────────────────────────────────────
-- Case, accents, blanks and punctuation do not tell people apart. No collation of the server has a say.
CREATE FUNCTION core.plain_name(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN name COLLATE "C" ~ '^[A-Za-z]+$' THEN lower(name COLLATE "C")
            ELSE nullif(lower(regexp_replace(
                replace(replace(replace(translate(
                    regexp_replace(normalize(name, NFKD), U&'[\0300-\036F]', '', 'g'),
                    U&'\00D8\00F8\0141\0142\0110\0111\00D0\00F0\00DE\00FE\0131', 'OoLlDdDdTti'),
                    U&'\00C6', 'AE'), U&'\00E6', 'ae'), U&'\00DF', 'ss'),
                U&'[\0001-\002F\003A-\0040\005B-\0060\007B-\00BF\2000-\206F]', '', 'g') COLLATE "C"), '') END;
COMMENT ON FUNCTION core.plain_name IS 'A name without case, accents, blanks and punctuation; null where nothing is left.';

-- Jr, Sr and numbers stand in a column of their own at some, and behind the last name at others.
CREATE FUNCTION core.plain_suffix(last_name text, name_suffix text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE coalesce(core.plain_name(name_suffix),
                     lower(substring(last_name COLLATE "C" FROM '(?i)[ ,]\s*(jr|sr|junior|senior|ii|iii|iv)\.?\s*$')))
       WHEN 'jr' THEN 'jr' WHEN 'junior' THEN 'jr' WHEN 'sr' THEN 'sr' WHEN 'senior' THEN 'sr'
       WHEN 'ii' THEN '2' WHEN '2nd' THEN '2' WHEN 'iii' THEN '3' WHEN '3rd' THEN '3' WHEN 'iv' THEN '4' WHEN '4th' THEN '4' END;
COMMENT ON FUNCTION core.plain_suffix IS 'jr, sr, 2, 3 or 4, from its own column or from behind the last name; null for none.';

CREATE FUNCTION core.plain_last_name(last_name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN core.plain_name(regexp_replace(last_name COLLATE "C", '[ ,]\s*(jr|sr|junior|senior|ii|iii|iv)\.?\s*$', '', 'i'));
COMMENT ON FUNCTION core.plain_last_name IS 'A last name as core.plain_name has it, without a suffix behind it.';

CREATE FUNCTION core.plain_code(code text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(upper(regexp_replace(code COLLATE "C", '[^A-Za-z0-9]', '', 'g')), '');
COMMENT ON FUNCTION core.plain_code IS 'An identifier as capitals and digits only; null where nothing is left.';

-- For the few pairs whose names and births agree, not for every row: the words cost.
CREATE FUNCTION core.plain_address(line text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT nullif(string_agg(CASE word
        WHEN 'street' THEN 'st' WHEN 'avenue' THEN 'ave' WHEN 'av' THEN 'ave' WHEN 'road' THEN 'rd'
        WHEN 'drive' THEN 'dr' WHEN 'lane' THEN 'ln' WHEN 'boulevard' THEN 'blvd' WHEN 'court' THEN 'ct'
        WHEN 'place' THEN 'pl' WHEN 'terrace' THEN 'ter' WHEN 'circle' THEN 'cir' WHEN 'highway' THEN 'hwy'
        WHEN 'parkway' THEN 'pkwy' WHEN 'square' THEN 'sq' WHEN 'apartment' THEN 'apt' WHEN 'suite' THEN 'ste'
        WHEN 'north' THEN 'n' WHEN 'south' THEN 's' WHEN 'east' THEN 'e' WHEN 'west' THEN 'w' ELSE word END,
        ' ' ORDER BY place), '')
    FROM regexp_split_to_table(lower(regexp_replace(line COLLATE "C", '[^A-Za-z0-9]+', ' ', 'g')), ' ')
        WITH ORDINALITY AS listed (word, place)
    WHERE word <> ''
);
COMMENT ON FUNCTION core.plain_address IS 'The first line of an address in small letters, with the usual short forms (USPS Publication 28).';

CREATE FUNCTION core.plain_phone(phone text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(regexp_replace(phone COLLATE "C", '[^0-9]', '', 'g') FROM '[0-9]{10}$');
COMMENT ON FUNCTION core.plain_phone IS 'The last ten digits of a telephone number; null where there are fewer.';

-- ── plans ───────────────────────────────────────────────────────────────────
CREATE TABLE ops.link_lease (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    fence bigint NOT NULL DEFAULT 0,
    state_seq bigint NOT NULL DEFAULT 0,
    last_known_at timestamptz NOT NULL DEFAULT '1970-01-01'
);
COMMENT ON TABLE ops.link_lease IS 'Who may write links: the holder of the newest fence.';
COMMENT ON COLUMN ops.link_lease.state_seq IS 'Grows with every apply of links and every answer to a review; a plan names the value it was computed against.';

CREATE TABLE ops.link_plan (
    link_plan_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base_seq bigint NOT NULL,
    sources_seq bigint NOT NULL,
    rules_hash text NOT NULL,
    digest text,
    loss_digest text,
    verdict text CHECK (verdict IN ('apply', 'hold_losses', 'hold')),
    counts jsonb NOT NULL DEFAULT '{}',
    guards jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    applied_parts text[],
    known_at timestamptz,
    CHECK ((applied_parts IS NULL) = (known_at IS NULL))
);
COMMENT ON TABLE ops.link_plan IS 'What would be linked, unlinked and reviewed, the base it was computed against, and its digests.';
COMMENT ON COLUMN ops.link_plan.base_seq IS 'state_seq of ops.link_lease that it was computed against.';
COMMENT ON COLUMN ops.link_plan.sources_seq IS 'Sum of state_seq of all feeds: grows with every apply of members or patients.';
COMMENT ON COLUMN ops.link_plan.rules_hash IS 'Of the rules and their limits: links planned under others are planned again.';
COMMENT ON COLUMN ops.link_plan.digest IS 'Of everything the plan would write.';
COMMENT ON COLUMN ops.link_plan.loss_digest IS 'Of its losses only: stays the same while nothing but new records arrive; null without losses.';
COMMENT ON COLUMN ops.link_plan.verdict IS 'hold_losses: grants may be applied, losses wait for a person; hold: everything waits.';
COMMENT ON COLUMN ops.link_plan.applied_parts IS 'grant, loss: what of it was applied; null before.';

CREATE TABLE ops.link_plan_row (
    link_plan_id bigint NOT NULL REFERENCES ops.link_plan ON DELETE CASCADE,
    entity text NOT NULL CHECK (entity IN ('member', 'patient')),
    partner text NOT NULL,
    key text[] NOT NULL,
    action text NOT NULL CHECK (action IN ('new', 'link', 'follow', 'restate', 'relink', 'unlink', 'retire',
                                           'review', 'withdraw')),
    part text NOT NULL CHECK (part IN ('grant', 'loss')),
    rule text,
    person_before uuid,
    person_after uuid,
    before_known_from timestamptz,
    evidence jsonb NOT NULL DEFAULT '{}',
    reason text,
    candidates uuid[],
    PRIMARY KEY (link_plan_id, entity, partner, key, action)
);
COMMENT ON TABLE ops.link_plan_row IS 'One record whose person the plan states, or whose review it opens or withdraws; others are not listed.';
COMMENT ON COLUMN ops.link_plan_row.action IS
    'new: gets a person; link: takes a member''s person; follow: takes its survivor''s; restate: same person by another rule; '
    'relink: from one member''s person to another''s; unlink: leaves a shared person; retire: the record is gone.';

CREATE TABLE ops.link_decision (
    digest text PRIMARY KEY,
    link_plan_id bigint NOT NULL REFERENCES ops.link_plan,
    verdict text NOT NULL CHECK (verdict IN ('approve', 'decline')),
    decided_by text NOT NULL CHECK (decided_by <> ''),
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    via text NOT NULL CHECK (via IN ('shell', 'airflow', 'page')),
    ticket text,
    reason text
);
COMMENT ON TABLE ops.link_decision IS 'The authority on a held plan of links: whoever answered first has answered, for exactly one digest.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ops.link_decision
    FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- ── persons ─────────────────────────────────────────────────────────────────
CREATE TABLE core.person (
    person_id uuid PRIMARY KEY,
    link_plan_id bigint NOT NULL REFERENCES ops.link_plan,
    known_from timestamptz NOT NULL
);
COMMENT ON TABLE core.person IS 'A human being, known by a random id that says nothing and never changes.';
COMMENT ON COLUMN core.person.known_from IS 'Since when the person is known.';

CREATE TABLE core.crosswalk (
    partner text NOT NULL,
    entity text NOT NULL CHECK (entity IN ('member', 'patient')),
    key text[] NOT NULL,
    person_id uuid NOT NULL REFERENCES core.person,
    rule text NOT NULL,
    evidence jsonb NOT NULL DEFAULT '{}',
    since timestamptz NOT NULL,
    link_plan_id bigint NOT NULL REFERENCES ops.link_plan,
    known_from timestamptz NOT NULL,
    PRIMARY KEY (partner, entity, key)
);
CREATE INDEX ON core.crosswalk (person_id);
COMMENT ON TABLE core.crosswalk IS 'Which person a member or patient is, as believed now: exactly one row per record.';
COMMENT ON COLUMN core.crosswalk.key IS 'Of a member subscriber_id and person_code, of a patient resource_id.';
COMMENT ON COLUMN core.crosswalk.rule IS 'own: nobody else; identifier, ssn, name: by what it was matched; merged: as its survivor; '
    'rekey: as its prior key; decided: by a person.';
COMMENT ON COLUMN core.crosswalk.evidence IS 'Row ids of the records that agree, and the rules by which; never a value.';
COMMENT ON COLUMN core.crosswalk.since IS 'Since when it is this person, by whatever rule.';
COMMENT ON COLUMN core.crosswalk.known_from IS 'Since when this version is believed.';

CREATE TABLE core.crosswalk_history (
    LIKE core.crosswalk,
    known_to timestamptz NOT NULL,
    closed_by_plan_id bigint NOT NULL REFERENCES ops.link_plan,
    closed_by_action text NOT NULL,
    CHECK (known_from < known_to)
);
CREATE INDEX ON core.crosswalk_history (partner, entity, key);
CREATE INDEX ON core.crosswalk_history (person_id);
COMMENT ON TABLE core.crosswalk_history IS 'Which person a record was believed to be until known_to.';

CREATE TABLE core.link_review (
    review_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity text NOT NULL DEFAULT 'patient' CHECK (entity = 'patient'),
    partner text NOT NULL,
    key text[] NOT NULL,
    reason text NOT NULL,
    candidates uuid[] NOT NULL,
    evidence jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'decided', 'withdrawn')),
    link_plan_id bigint NOT NULL REFERENCES ops.link_plan,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    verdict text CHECK (verdict IN ('link', 'apart')),
    person_id uuid REFERENCES core.person,
    decided_by text CHECK (decided_by <> ''),
    via text CHECK (via IN ('shell', 'airflow', 'page')),
    ticket text,
    decision_reason text,
    CHECK ((state = 'open') = (closed_at IS NULL)),
    CHECK (state <> 'decided' OR (verdict IS NOT NULL AND decided_by IS NOT NULL AND via IS NOT NULL)),
    CHECK ((verdict IS NOT DISTINCT FROM 'link') = (person_id IS NOT NULL)),
    CHECK (person_id IS NULL OR person_id = ANY (candidates))
);
CREATE UNIQUE INDEX one_open_review_per_record ON core.link_review (partner, entity, key) WHERE state = 'open';
COMMENT ON TABLE core.link_review IS 'Patients that no rule can link or leave alone with certainty: a person decides.';
COMMENT ON COLUMN core.link_review.reason IS 'several_candidates, rules_disagree, several_patients, link_contradicted, or what differs.';
COMMENT ON COLUMN core.link_review.candidates IS 'Persons it could be.';
COMMENT ON COLUMN core.link_review.state IS 'withdrawn: the rules came to see clearly, or a person took the answer back.';
COMMENT ON COLUMN core.link_review.verdict IS 'link: it is person_id; apart: it is none of the candidates.';

CREATE FUNCTION core.crosswalk_known(known timestamptz DEFAULT 'infinity') RETURNS SETOF core.crosswalk
LANGUAGE sql STABLE SET search_path = pg_catalog, core, pg_temp AS $$
    SELECT * FROM core.crosswalk WHERE known_from <= known
    UNION ALL
    SELECT partner, entity, key, person_id, rule, evidence, since, link_plan_id, known_from
    FROM core.crosswalk_history WHERE known_from <= known AND known_to > known
$$;
COMMENT ON FUNCTION core.crosswalk_known IS 'Which person each record was believed to be at the instant known.';

-- ── for analysts ────────────────────────────────────────────────────────────
CREATE VIEW mart.person_link_review WITH (security_barrier) AS
SELECT r.review_id, r.partner, r.key[1] AS resource_id, r.reason, cardinality(r.candidates) AS candidates, r.state,
       r.verdict, r.opened_at, r.closed_at, c.person_id
FROM core.link_review r
LEFT JOIN core.crosswalk c ON c.partner = r.partner AND c.entity = r.entity AND c.key = r.key
WHERE has_table_privilege(session_user, 'core.link_review'::regclass, 'SELECT')
   OR EXISTS (SELECT FROM ops.analyst_scope s WHERE s.login = session_user AND s.partner IN ('*', r.partner));
COMMENT ON VIEW mart.person_link_review IS 'Patients for whom a person has to say which member they are, and what was said.';
COMMENT ON COLUMN mart.person_link_review.review_id IS 'Names the question: the answer names it.';
COMMENT ON COLUMN mart.person_link_review.partner IS 'The health system whose patient it is.';
COMMENT ON COLUMN mart.person_link_review.resource_id IS 'The patient''s id there.';
COMMENT ON COLUMN mart.person_link_review.reason IS 'Why no rule decides: a stable code.';
COMMENT ON COLUMN mart.person_link_review.candidates IS 'How many persons it could be.';
COMMENT ON COLUMN mart.person_link_review.state IS 'open, decided by a person, or withdrawn.';
COMMENT ON COLUMN mart.person_link_review.verdict IS 'link: it is one of them; apart: it is none of them.';
COMMENT ON COLUMN mart.person_link_review.opened_at IS 'Since when the question is open.';
COMMENT ON COLUMN mart.person_link_review.closed_at IS 'When it was decided or withdrawn.';
COMMENT ON COLUMN mart.person_link_review.person_id IS 'The person that the patient is now; null when the patient is gone.';

CREATE VIEW mart.unlinked_patient WITH (security_barrier) AS
SELECT p.partner, p.resource_id, c.person_id, extract(year FROM p.birth_date)::integer AS birth_year, p.gender_code,
       p.state_code, p.member_identifier IS NOT NULL AS has_member_identifier, p.ssn_token IS NOT NULL AS has_ssn,
       p.birth_date IS NOT NULL AND coalesce(p.birth_precision, 'day') = 'day' AS has_birth_date,
       r.reason AS review_reason, c.since
FROM core.patient p
LEFT JOIN core.crosswalk c ON c.partner = p.partner AND c.entity = 'patient' AND c.key = ARRAY[p.resource_id]
LEFT JOIN core.link_review r ON r.partner = p.partner AND r.entity = 'patient' AND r.key = ARRAY[p.resource_id]
                            AND r.state = 'open'
WHERE NOT EXISTS (SELECT FROM core.crosswalk m WHERE m.person_id = c.person_id AND m.entity = 'member')
  AND (has_table_privilege(session_user, 'core.patient'::regclass, 'SELECT')
       OR EXISTS (SELECT FROM ops.analyst_scope s WHERE s.login = session_user AND s.partner IN ('*', p.partner)));
COMMENT ON VIEW mart.unlinked_patient IS 'Patients who are no member that is known, and what there was to know them by.';
COMMENT ON COLUMN mart.unlinked_patient.partner IS 'The health system whose patient it is.';
COMMENT ON COLUMN mart.unlinked_patient.resource_id IS 'The patient''s id there.';
COMMENT ON COLUMN mart.unlinked_patient.person_id IS 'The patient''s person, of no member; null until the next links are applied.';
COMMENT ON COLUMN mart.unlinked_patient.birth_year IS 'Year of birth only: the date is a direct identifier.';
COMMENT ON COLUMN mart.unlinked_patient.gender_code IS 'F, M, U.';
COMMENT ON COLUMN mart.unlinked_patient.state_code IS 'State of residence.';
COMMENT ON COLUMN mart.unlinked_patient.has_member_identifier IS 'Whether the record carries an insurer''s number, of whichever insurer.';
COMMENT ON COLUMN mart.unlinked_patient.has_ssn IS 'Whether the record carries a social security number that is not a placeholder.';
COMMENT ON COLUMN mart.unlinked_patient.has_birth_date IS 'Whether the day of birth is known: nobody is linked without.';
COMMENT ON COLUMN mart.unlinked_patient.review_reason IS 'Why a person has to decide; null where nothing matched.';
COMMENT ON COLUMN mart.unlinked_patient.since IS 'Since when it is this person.';

-- ── who may ─────────────────────────────────────────────────────────────────
GRANT EXECUTE ON FUNCTION core.plain_name, core.plain_suffix, core.plain_last_name, core.plain_code, core.plain_address,
    core.plain_phone, core.crosswalk_known TO concord_loader;
GRANT SELECT, INSERT, UPDATE ON ops.link_lease TO concord_loader;
GRANT SELECT, INSERT ON ops.link_plan TO concord_loader;
GRANT UPDATE (digest, loss_digest, verdict, counts, guards, finished_at, applied_parts, known_at) ON ops.link_plan TO concord_loader;
GRANT SELECT, INSERT ON ops.link_plan_row, ops.link_decision TO concord_loader;
GRANT SELECT, INSERT ON core.person, core.crosswalk_history TO concord_loader;
GRANT SELECT, INSERT, DELETE ON core.crosswalk TO concord_loader;
GRANT SELECT, INSERT ON core.link_review TO concord_loader;
GRANT UPDATE (state, closed_at, verdict, person_id, decided_by, via, ticket, decision_reason) ON core.link_review TO concord_loader;
GRANT SELECT ON mart.person_link_review, mart.unlinked_patient TO concord_loader, concord_analyst;
