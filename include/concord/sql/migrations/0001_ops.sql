-- The ledger and everything that steers: deliveries, plans, decisions, leases,
-- quarantine, incidents, outbox, audit. Roles exist before (see docs/operations.md).

CREATE SCHEMA ops;
CREATE SCHEMA stage;
CREATE SCHEMA core;
CREATE SCHEMA mart;
COMMENT ON SCHEMA ops IS 'The ledger: deliveries and what became of them.';
COMMENT ON SCHEMA stage IS 'One unlogged table per delivery and attempt: a cache, rebuilt from landing.';
COMMENT ON SCHEMA core IS 'What is believed now, and what was believed before.';
COMMENT ON SCHEMA mart IS 'Masked views for analysts.';

-- ── states ──────────────────────────────────────────────────────────────────
CREATE TABLE ops.state (
    state text PRIMARY KEY,
    is_end boolean NOT NULL,
    about text NOT NULL
);
INSERT INTO ops.state VALUES
    ('discovered', false, 'seen at the partner, not fetched yet'),
    ('landed',     false, 'sealed in landing'),
    ('waiting',    false, 'an earlier delivery must go first'),
    ('staged',     false, 'read, judged and copied to its stage table'),
    ('planned',    false, 'its plan is stored and ordinary'),
    ('held',       false, 'its plan waits for a person'),
    ('applied',    false, 'its changes are in the tables'),
    ('published',  true,  'applied, and everybody who had to know was told'),
    ('duplicate',  true,  'the same bytes as a delivery that counts'),
    ('compared',   true,  'planned and reported only'),
    ('rejected',   true,  'refused whole, by rule'),
    ('declined',   true,  'refused by a person'),
    ('superseded', true,  'a newer full delivery took its place'),
    ('failed',     true,  'retries exhausted; may be opened again'),
    ('reverted',   true,  'applied, and undone later');

CREATE TABLE ops.legal_edge (
    from_state text NOT NULL REFERENCES ops.state,
    to_state text NOT NULL REFERENCES ops.state,
    PRIMARY KEY (from_state, to_state)
);
INSERT INTO ops.legal_edge VALUES
    ('discovered', 'landed'), ('discovered', 'duplicate'), ('discovered', 'failed'), ('discovered', 'rejected'),
    ('landed', 'waiting'), ('landed', 'staged'), ('landed', 'rejected'), ('landed', 'superseded'), ('landed', 'failed'),
    ('waiting', 'landed'), ('waiting', 'staged'), ('waiting', 'superseded'), ('waiting', 'rejected'), ('waiting', 'failed'),
    ('staged', 'staged'), ('staged', 'planned'), ('staged', 'held'), ('staged', 'compared'), ('staged', 'rejected'),
    ('staged', 'superseded'), ('staged', 'failed'),
    ('planned', 'staged'), ('planned', 'planned'), ('planned', 'held'), ('planned', 'compared'), ('planned', 'applied'),
    ('planned', 'superseded'), ('planned', 'failed'), ('planned', 'rejected'),
    ('held', 'staged'), ('held', 'planned'), ('held', 'held'), ('held', 'compared'), ('held', 'applied'), ('held', 'declined'),
    ('held', 'superseded'), ('held', 'failed'), ('held', 'rejected'),
    ('applied', 'published'), ('applied', 'reverted'), ('published', 'reverted'),
    -- A failed delivery may be opened again; rejected bytes are retried under a new contract version.
    ('failed', 'discovered'), ('failed', 'landed'), ('failed', 'superseded'), ('rejected', 'landed'),
    -- A run that is gone is replaced by one of a new attempt.
    ('landed', 'landed'),
    -- Replaced at the partner before it was fetched; skipped by a person.
    ('discovered', 'superseded'), ('failed', 'declined'), ('rejected', 'declined');

-- ── who may write ───────────────────────────────────────────────────────────
CREATE TABLE ops.lease (
    feed text PRIMARY KEY,
    partner text NOT NULL,
    fence bigint NOT NULL DEFAULT 0,
    state_seq bigint NOT NULL DEFAULT 0,
    last_known_at timestamptz NOT NULL DEFAULT '1970-01-01',
    applied_delivery_id text,
    seen_delivery_id text,
    paused_reason text
);
COMMENT ON TABLE ops.lease IS 'One row per feed: only the holder of the newest fence may publish.';
COMMENT ON COLUMN ops.lease.state_seq IS 'Grows with every writer of core; a plan names the value it was computed against.';
COMMENT ON COLUMN ops.lease.seen_delivery_id IS 'Latest applied full: where an omitted member was last seen.';

-- ── the ledger ──────────────────────────────────────────────────────────────
CREATE TABLE ops.delivery (
    delivery_id text PRIMARY KEY CHECK (delivery_id ~ '^[0-9a-z]{8}$'),
    feed text NOT NULL REFERENCES ops.lease,
    partner text NOT NULL,
    kind text NOT NULL DEFAULT 'delivery' CHECK (kind IN ('delivery', 'replay', 'undo', 'correction', 'link')),
    mode text NOT NULL CHECK (mode IN ('full', 'delta', 'compare')),
    is_pilot boolean NOT NULL DEFAULT false,
    state text NOT NULL DEFAULT 'discovered' REFERENCES ops.state,
    state_reason text,
    state_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempt integer NOT NULL DEFAULT 0,
    arrival bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    file_date date,
    file_sequence bigint,
    control_number text,
    is_resubmission boolean NOT NULL DEFAULT false,
    as_of_date date,
    file_name_sealed bytea,
    file_name_token text,
    remote_size bigint,
    remote_modified_at timestamptz,
    sha256 text,
    byte_count bigint,
    line_count bigint,
    manifest jsonb,
    contract_hash text,
    drift jsonb NOT NULL DEFAULT '{}',
    discovered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    landed_at timestamptz,
    applied_at timestamptz,
    applied_seq bigint,
    known_at timestamptz,
    superseded_by text REFERENCES ops.delivery,
    duplicate_of text REFERENCES ops.delivery,
    UNIQUE (feed, file_name_token, remote_size, remote_modified_at)
);
CREATE INDEX ON ops.delivery (feed, state);
CREATE UNIQUE INDEX ON ops.delivery (feed, applied_seq) WHERE applied_seq IS NOT NULL;
COMMENT ON TABLE ops.delivery IS 'Every file, export or batch that arrived, and its present state.';
COMMENT ON COLUMN ops.delivery.state_reason IS 'Stable code and PHI-free text: why it is in this state.';
COMMENT ON COLUMN ops.delivery.file_name_sealed IS 'The partner''s file name, encrypted: it may carry names.';
COMMENT ON COLUMN ops.delivery.known_at IS 'When its changes became known: one instant per apply, strictly growing per feed.';

CREATE TABLE ops.delivery_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id text NOT NULL REFERENCES ops.delivery,
    from_state text,
    to_state text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempt integer NOT NULL,
    actor text NOT NULL,
    reason text
);
CREATE INDEX ON ops.delivery_event (delivery_id);
COMMENT ON TABLE ops.delivery_event IS 'Each change of state of each delivery; written by a trigger, never by hand.';

CREATE FUNCTION ops.record_transition() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, ops AS $$
DECLARE
    actor text := coalesce(nullif(current_setting('concord.actor', true), ''), session_user);
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.state = OLD.state AND NEW.state_at = OLD.state_at THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' AND NEW.state <> 'discovered' THEN
        RAISE EXCEPTION 'a delivery begins as discovered, not as %', NEW.state USING ERRCODE = 'CC001';
    END IF;
    IF TG_OP = 'UPDATE' AND NOT EXISTS (
        SELECT FROM ops.legal_edge WHERE from_state = OLD.state AND to_state = NEW.state
    ) THEN
        RAISE EXCEPTION 'delivery %: no way from % to %', NEW.delivery_id, OLD.state, NEW.state USING ERRCODE = 'CC001';
    END IF;
    NEW.state_at := clock_timestamp();
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO ops.delivery_event (delivery_id, from_state, to_state, attempt, actor, reason)
        VALUES (NEW.delivery_id, OLD.state, NEW.state, NEW.attempt, actor, NEW.state_reason);
    END IF;
    -- What on-call was told about a delivery is over when it comes to an end that nobody has to mend.
    IF NEW.state IN ('published', 'superseded', 'duplicate', 'compared', 'declined', 'reverted') THEN
        UPDATE ops.incident SET state = 'resolved', resolved_at = clock_timestamp()
        WHERE delivery_id = NEW.delivery_id AND state = 'open';
    ELSIF NEW.state = 'applied' THEN
        UPDATE ops.incident SET state = 'resolved', resolved_at = clock_timestamp()
        WHERE feed = NEW.feed AND kind IN ('rejected', 'gone') AND state = 'open';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION ops.record_discovery() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, ops AS $$
BEGIN
    INSERT INTO ops.delivery_event (delivery_id, to_state, attempt, actor, reason)
    VALUES (NEW.delivery_id, NEW.state, NEW.attempt,
            coalesce(nullif(current_setting('concord.actor', true), ''), session_user), NEW.state_reason);
    RETURN NULL;
END $$;

CREATE TRIGGER record_transition BEFORE INSERT OR UPDATE ON ops.delivery
    FOR EACH ROW EXECUTE FUNCTION ops.record_transition();
CREATE TRIGGER record_discovery AFTER INSERT ON ops.delivery
    FOR EACH ROW EXECUTE FUNCTION ops.record_discovery();

-- ── reading and staging ─────────────────────────────────────────────────────
CREATE TABLE ops.stage_attempt (
    stage_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id text NOT NULL REFERENCES ops.delivery,
    attempt integer NOT NULL,
    contract_hash text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    dropped_at timestamptz,
    row_count bigint,
    checksum numeric,
    line_count bigint,
    flags jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX ON ops.stage_attempt (delivery_id);
COMMENT ON TABLE ops.stage_attempt IS 'Each staging of a delivery has a table of its own, stage.d_<delivery>_<stage_no>; the newest finished one counts.';

CREATE TABLE ops.line_account (
    delivery_id text NOT NULL REFERENCES ops.delivery,
    part integer NOT NULL DEFAULT 0,
    disposition text NOT NULL CHECK (disposition IN ('consumed', 'duplicate', 'quarantined', 'ignored', 'control')),
    reason text NOT NULL DEFAULT '',
    lines int8multirange NOT NULL,
    line_total bigint NOT NULL,
    PRIMARY KEY (delivery_id, part, disposition, reason)
);
COMMENT ON TABLE ops.line_account IS 'Which lines of a delivery became what, as sets: together exactly 1..line_count, pairwise disjoint.';

CREATE TABLE ops.quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id text NOT NULL REFERENCES ops.delivery,
    feed text NOT NULL,
    part integer NOT NULL DEFAULT 0,
    line bigint NOT NULL,
    line_count integer NOT NULL DEFAULT 1,
    found_by text NOT NULL CHECK (found_by IN ('parse', 'validate', 'reconcile')),
    reasons text[] NOT NULL CHECK (cardinality(reasons) > 0),
    raw_sealed bytea NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'waived')),
    attempts integer NOT NULL DEFAULT 0,
    first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at timestamptz,
    closed_by text,
    closed_reason text,
    UNIQUE (delivery_id, part, line)
);
CREATE INDEX ON ops.quarantine (feed, state);
COMMENT ON TABLE ops.quarantine IS 'Refused rows with stable reason codes and the raw row, encrypted.';

-- ── plans ───────────────────────────────────────────────────────────────────
CREATE TABLE ops.plan (
    plan_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id text NOT NULL REFERENCES ops.delivery,
    attempt integer NOT NULL,
    stage_no bigint REFERENCES ops.stage_attempt,
    base_seq bigint NOT NULL,
    contract_hash text NOT NULL,
    as_of_date date NOT NULL,
    digest text,
    verdict text CHECK (verdict IN ('apply', 'hold', 'compare')),
    counts jsonb NOT NULL DEFAULT '{}',
    balance jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz
);
CREATE INDEX ON ops.plan (delivery_id);
COMMENT ON TABLE ops.plan IS 'The stored diff a delivery would make, the base it was computed against, and its digest.';

CREATE TABLE ops.plan_row (
    plan_row_id bigint GENERATED ALWAYS AS IDENTITY,
    plan_id bigint NOT NULL REFERENCES ops.plan ON DELETE CASCADE,
    entity text NOT NULL,
    action text NOT NULL CHECK (action IN ('add', 'change', 'correct_start', 'correct_end', 'end', 'pending_end',
        'reinstate', 'void', 'keep', 'ignored', 'rekey', 'restate')),
    part text NOT NULL CHECK (part IN ('grant', 'loss', 'none')),
    key text[] NOT NULL,
    scope text[],
    held_row_id bigint,
    line bigint,
    from_before date,
    to_before date,
    from_after date,
    to_after date,
    splits boolean NOT NULL DEFAULT false,
    inferred boolean NOT NULL DEFAULT false,
    retro boolean NOT NULL DEFAULT false,
    changed text[] NOT NULL DEFAULT '{}',
    content_hash bigint,
    reason text,
    evidence jsonb,
    PRIMARY KEY (plan_id, plan_row_id)
);
COMMENT ON TABLE ops.plan_row IS 'One span or member that the plan touches or decides to leave; unchanged ones are not listed.';
COMMENT ON COLUMN ops.plan_row.splits IS 'The change begins inside the held span: what came before it stays as a span of its own.';

CREATE TABLE ops.plan_guard (
    plan_id bigint NOT NULL REFERENCES ops.plan ON DELETE CASCADE,
    guard text NOT NULL,
    scope text NOT NULL DEFAULT '',
    count bigint NOT NULL,
    base bigint NOT NULL,
    share numeric NOT NULL,
    limit_share numeric,
    limit_floor bigint,
    tripped boolean NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (plan_id, guard, scope)
);
COMMENT ON TABLE ops.plan_guard IS 'Every guard that was evaluated for a plan, tripped or not, with its figures.';

CREATE TABLE ops.endorsement (
    delivery_id text NOT NULL REFERENCES ops.delivery,
    digest text NOT NULL,
    person text NOT NULL,
    via text NOT NULL CHECK (via IN ('shell', 'airflow', 'page')),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ticket text,
    reason text,
    PRIMARY KEY (delivery_id, digest, person)
);
COMMENT ON TABLE ops.endorsement IS 'Who approved a digest; where the contract asks for two persons, two rows make a decision.';

CREATE TABLE ops.decision (
    decision_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id text NOT NULL REFERENCES ops.delivery,
    plan_id bigint NOT NULL UNIQUE REFERENCES ops.plan,
    digest text NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('approve', 'decline')),
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    via text NOT NULL CHECK (via IN ('shell', 'airflow', 'page')),
    ticket text,
    reason text,
    UNIQUE (delivery_id, digest)
);
COMMENT ON TABLE ops.decision IS 'The authority on a hold: whoever answered first has answered, for exactly one digest.';

-- A plan that people decided on, or that was applied, is evidence: it never changes again.
CREATE FUNCTION ops.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'CC001';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ops.decision
    FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ops.delivery_event
    FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- Evaluated when a plan is made (reconcile §6); approved by two persons.
CREATE TABLE ops.expectation (
    expectation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed text NOT NULL REFERENCES ops.lease,
    valid tstzrange NOT NULL,
    ranges jsonb NOT NULL,
    reason text NOT NULL,
    requested_by text NOT NULL,
    approved_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (requested_by <> approved_by)
);

-- ── scope and absence ───────────────────────────────────────────────────────
CREATE TABLE ops.feed_scope (
    feed text NOT NULL REFERENCES ops.lease,
    group_id text NOT NULL,
    coverage_line text NOT NULL,
    first_delivery_id text NOT NULL REFERENCES ops.delivery,
    known_from timestamptz NOT NULL,
    PRIMARY KEY (feed, group_id, coverage_line)
);
COMMENT ON TABLE ops.feed_scope IS 'What absence is judged against: group and line applied from this feed before.';

CREATE TABLE ops.absence (
    feed text NOT NULL REFERENCES ops.lease,
    entity text NOT NULL,
    row_id bigint NOT NULL,
    as_of_dates date[] NOT NULL,
    delivery_ids text[] NOT NULL,
    last_seen_delivery_id text,
    last_seen_line bigint,
    PRIMARY KEY (feed, entity, row_id)
);
COMMENT ON TABLE ops.absence IS 'Spans missing from applied fulls whose end is pending (n of N).';

-- ── telling people, and telling systems ─────────────────────────────────────
CREATE TABLE ops.incident (
    incident_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed text,
    delivery_id text REFERENCES ops.delivery,
    kind text NOT NULL,
    cause text NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'resolved')),
    subject text NOT NULL,
    text text NOT NULL,
    times integer NOT NULL DEFAULT 1,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    resolved_at timestamptz
);
CREATE UNIQUE INDEX one_open_incident_per_cause ON ops.incident (cause) WHERE state = 'open';
COMMENT ON TABLE ops.incident IS 'What on-call has to know; one open row per cause.';

CREATE TABLE ops.outbox (
    outbox_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed text NOT NULL,
    delivery_id text NOT NULL REFERENCES ops.delivery,
    entity text NOT NULL,
    row_id bigint NOT NULL,
    action text NOT NULL,
    known_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed')),
    sent_at timestamptz,
    UNIQUE (delivery_id, entity, row_id)
);
COMMENT ON TABLE ops.outbox IS 'One change event per row of core that an apply touched, written in its transaction.';

-- ── audit ───────────────────────────────────────────────────────────────────
CREATE TABLE ops.audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    db_role text NOT NULL,
    action text NOT NULL,
    object text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE ops.audit IS 'Append-only: who did what to which object (45 CFR 164.312(b)).';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ops.audit
    FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

CREATE FUNCTION ops.append_audit(actor text, action text, object text, detail jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, ops AS $$
    INSERT INTO ops.audit (actor, db_role, action, object, detail)
    VALUES (actor, session_user, action, object, detail) RETURNING audit_id
$$;
