-- The audit chain, and reads of unmasked values.
--
-- Each stream (a feed, or 'site') is a chain: hash = SHA-256(hash before || the row in
-- full). Heads are anchored outside the database (concord/audit/anchors.py), because a
-- superuser can write a chain anew, but not the anchors of the old one.

-- What a migration makes belongs to nobody until it is granted.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

ALTER TABLE ops.audit
    ADD COLUMN stream text,
    ADD COLUMN seq bigint,
    ADD COLUMN item_count bigint,
    ADD COLUMN purpose text,
    ADD COLUMN hash bytea;
COMMENT ON COLUMN ops.audit.at IS 'When it was done; the chain''s order is that of the commits.';
COMMENT ON COLUMN ops.audit.actor IS 'Who, by their own account: a person, or a step.';
COMMENT ON COLUMN ops.audit.db_role IS 'Who, by the server''s account: the login.';
COMMENT ON COLUMN ops.audit.object IS 'A delivery, a feed, a key, or the token of a person; never a value of a row.';
COMMENT ON COLUMN ops.audit.stream IS 'The feed that the object is of, or site.';
COMMENT ON COLUMN ops.audit.seq IS '1, 2, 3, ... within the stream.';
COMMENT ON COLUMN ops.audit.item_count IS 'How many rows, members or files it was about.';
COMMENT ON COLUMN ops.audit.hash IS 'SHA-256 of the hash before it and of this row in full.';

CREATE TABLE ops.audit_head (
    stream text PRIMARY KEY,
    seq bigint NOT NULL,
    hash bytea NOT NULL
);
COMMENT ON TABLE ops.audit_head IS 'The last link of each stream of ops.audit; its row lock makes writers take turns.';

CREATE TABLE ops.audit_pending (
    audit_id bigint PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    db_role text NOT NULL,
    action text NOT NULL,
    object text NOT NULL,
    detail jsonb NOT NULL,
    stream text NOT NULL,
    item_count bigint,
    purpose text
);
COMMENT ON TABLE ops.audit_pending IS
    'Entries of transactions that have not committed yet: they are chained at the commit, so that nobody waits longer.';

-- Every column but the hash, as <bytes>:<text>, or - for null: no two rows look alike, and no
-- setting of the session matters. concord/audit/chain.py computes the same, outside the database.
CREATE FUNCTION ops.audit_hash(previous bytea, entry ops.audit) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT sha256(previous || convert_to(string_agg(coalesce(octet_length(convert_to(field, 'UTF8')) || ':' || field, '-'),
                                                    '' ORDER BY place), 'UTF8'))
    FROM unnest(ARRAY[
        entry.stream, entry.seq::text, entry.audit_id::text, (extract(epoch FROM entry.at) * 1000000)::bigint::text,
        entry.actor, entry.db_role, entry.action, entry.object, entry.item_count::text, entry.purpose, entry.detail::text
    ]) WITH ORDINALITY AS listed (field, place)
$$;

CREATE FUNCTION ops.audit_genesis() RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$ SELECT decode(repeat('00', 32), 'hex') $$;

DROP FUNCTION ops.append_audit(text, text, text, jsonb);
CREATE FUNCTION ops.append_audit(
    actor text, action text, object text, detail jsonb DEFAULT '{}', item_count bigint DEFAULT NULL,
    purpose text DEFAULT NULL
) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
    INSERT INTO ops.audit_pending (audit_id, actor, db_role, action, object, detail, stream, item_count, purpose)
    VALUES (nextval(pg_get_serial_sequence('ops.audit', 'audit_id')), $1, session_user, $2, $3, $4,
            coalesce((SELECT feed FROM ops.delivery WHERE delivery_id = $3),
                     (SELECT feed FROM ops.lease WHERE feed = $3), 'site'), $5, $6)
    RETURNING audit_id
$$;
COMMENT ON FUNCTION ops.append_audit IS 'Adds an entry to the audit trail; it is chained when the transaction commits.';

-- At the commit, and in the order of the streams: the heads are locked for no longer than that,
-- and two transactions that write to the same streams never wait for each other in a ring.
CREATE FUNCTION ops.chain_audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
DECLARE
    entry ops.audit_pending;
    head ops.audit_head;
    link ops.audit;
BEGIN
    -- The first row's turn chains all of the transaction; the others find theirs gone.
    IF NOT EXISTS (SELECT FROM ops.audit_pending WHERE audit_id = NEW.audit_id) THEN
        RETURN NULL;
    END IF;
    FOR entry IN SELECT * FROM ops.audit_pending WHERE xid = pg_current_xact_id() ORDER BY stream, audit_id LOOP
        INSERT INTO ops.audit_head VALUES (entry.stream, 0, ops.audit_genesis()) ON CONFLICT DO NOTHING;
        SELECT * INTO head FROM ops.audit_head WHERE stream = entry.stream FOR UPDATE;
        link := NULL;
        link.audit_id := entry.audit_id;
        link.at := entry.at;
        link.actor := entry.actor;
        link.db_role := entry.db_role;
        link.action := entry.action;
        link.object := entry.object;
        link.detail := entry.detail;
        link.stream := entry.stream;
        link.seq := head.seq + 1;
        link.item_count := entry.item_count;
        link.purpose := entry.purpose;
        link.hash := ops.audit_hash(head.hash, link);
        INSERT INTO ops.audit OVERRIDING SYSTEM VALUE SELECT link.*;
        UPDATE ops.audit_head SET seq = link.seq, hash = link.hash WHERE stream = link.stream;
    END LOOP;
    DELETE FROM ops.audit_pending WHERE xid = pg_current_xact_id();
    RETURN NULL;
END $$;

-- What was written before there was a chain.
ALTER TABLE ops.audit DISABLE TRIGGER append_only;
UPDATE ops.audit a SET stream = coalesce((SELECT feed FROM ops.delivery WHERE delivery_id = a.object), 'site');
UPDATE ops.audit a SET seq = n.seq
FROM (SELECT audit_id, row_number() OVER (PARTITION BY stream ORDER BY audit_id) AS seq FROM ops.audit) n
WHERE n.audit_id = a.audit_id;
DO $$
DECLARE
    entry ops.audit;
    head bytea;
BEGIN
    FOR entry IN SELECT * FROM ops.audit ORDER BY stream, seq LOOP
        head := ops.audit_hash(CASE WHEN entry.seq = 1 THEN ops.audit_genesis() ELSE head END, entry);
        UPDATE ops.audit SET hash = head WHERE audit_id = entry.audit_id;
    END LOOP;
END $$;
INSERT INTO ops.audit_head SELECT DISTINCT ON (stream) stream, seq, hash FROM ops.audit ORDER BY stream, seq DESC;
ALTER TABLE ops.audit ENABLE TRIGGER append_only;
ALTER TABLE ops.audit
    ALTER COLUMN stream SET NOT NULL,
    ALTER COLUMN seq SET NOT NULL,
    ALTER COLUMN hash SET NOT NULL,
    ADD UNIQUE (stream, seq);
CREATE INDEX ON ops.audit (object, action);

CREATE CONSTRAINT TRIGGER chain_audit AFTER INSERT ON ops.audit_pending
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ops.chain_audit();

-- For those who may check the trail without reading it: streams, numbers and kinds of flaw.
CREATE FUNCTION ops.find_audit_flaws() RETURNS TABLE (stream text, seq bigint, flaw text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
    WITH linked AS (
        SELECT a, a.stream, a.seq, a.hash, coalesce(lag(a.seq) OVER w, 0) AS seq_before,
               coalesce(lag(a.hash) OVER w, ops.audit_genesis()) AS hash_before
        FROM ops.audit a WINDOW w AS (PARTITION BY a.stream ORDER BY a.seq, a.audit_id)
    ), last AS (
        SELECT DISTINCT ON (a.stream) a.stream, a.seq, a.hash FROM ops.audit a ORDER BY a.stream, a.seq DESC
    )
    SELECT l.stream, l.seq_before + 1, 'missing' FROM linked l WHERE l.seq <> l.seq_before + 1
    UNION ALL
    SELECT l.stream, l.seq, 'altered' FROM linked l
    WHERE l.seq = l.seq_before + 1 AND l.hash <> ops.audit_hash(l.hash_before, l.a)
    UNION ALL
    SELECT coalesce(h.stream, l.stream), coalesce(h.seq, l.seq), 'head'
    FROM ops.audit_head h FULL JOIN last l ON l.stream = h.stream
    WHERE (h.seq, h.hash) IS DISTINCT FROM (l.seq, l.hash)
    UNION ALL
    SELECT p.stream, NULL, 'unchained' FROM ops.audit_pending p
$$;
COMMENT ON FUNCTION ops.find_audit_flaws IS 'Where the audit chain is broken; nothing of what it says.';

CREATE FUNCTION ops.audit_hash_at(stream text, seq bigint) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
    SELECT a.hash FROM ops.audit a WHERE a.stream = $1 AND a.seq = $2
$$;
COMMENT ON FUNCTION ops.audit_hash_at IS 'The hash of one link, to compare with an anchor.';

CREATE FUNCTION ops.find_audit_unanchored(stream text, seq bigint, after interval) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
    SELECT min(a.seq) FROM ops.audit a WHERE a.stream = $1 AND a.seq > $2 AND a.at < clock_timestamp() - after
$$;
COMMENT ON FUNCTION ops.find_audit_unanchored IS 'The first entry after seq that is older than allowed without an anchor.';

-- ── reads of unmasked values ────────────────────────────────────────────────
CREATE TABLE ops.reveal_field (
    field text PRIMARY KEY,
    class text NOT NULL CHECK (class IN ('indirect', 'direct', 'secret'))
);
COMMENT ON TABLE ops.reveal_field IS 'Columns of core.member that a person with the right may ask to see, by PHI class.';
INSERT INTO ops.reveal_field VALUES
    ('last_name', 'direct'), ('first_name', 'direct'), ('middle_name', 'direct'), ('name_suffix', 'direct'),
    ('birth_date', 'direct'), ('gender_code', 'indirect'), ('birth_sequence', 'indirect'), ('ssn', 'secret'),
    ('address_line_1', 'direct'), ('address_line_2', 'direct'), ('city', 'direct'), ('state_code', 'indirect'),
    ('postal_code', 'direct'), ('email', 'direct'), ('phone', 'direct'), ('hire_date', 'indirect');

CREATE TABLE ops.reveal_request (
    request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    db_role text NOT NULL,
    row_id bigint,
    fields text[] NOT NULL CHECK (cardinality(fields) > 0)
);
COMMENT ON TABLE ops.reveal_request IS 'Who asked to see which fields of which member; only what was asked for is given.';
COMMENT ON COLUMN ops.reveal_request.xid IS 'The transaction that asked: it is given nothing, since it may still roll back.';
COMMENT ON COLUMN ops.reveal_request.row_id IS 'Of core.member; null where there is no such member.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ops.reveal_request
    FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

CREATE FUNCTION ops.request_reveal(
    actor text, partner text, subscriber_id text, person_code text, person_token text, fields text[], purpose text,
    ticket text DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
DECLARE
    found_row bigint := (SELECT m.row_id FROM core.member m
                         WHERE (m.partner, m.subscriber_id, m.person_code) = ($2, $3, $4));
    classes text[] := (SELECT array_agg(DISTINCT f.class ORDER BY f.class) FROM ops.reveal_field f WHERE f.field = ANY ($6));
    request bigint;
BEGIN
    IF coalesce(btrim(actor), '') = '' OR coalesce(btrim(purpose), '') = '' OR coalesce(person_token, '') = '' THEN
        RAISE EXCEPTION 'who asks, for what and about whom must be said' USING ERRCODE = 'CC005';
    END IF;
    IF coalesce(cardinality(fields), 0) = 0
       OR EXISTS (SELECT FROM unnest(fields) asked (field) WHERE asked.field NOT IN (SELECT f.field FROM ops.reveal_field f)
                                                              OR asked.field IS NULL) THEN
        RAISE EXCEPTION 'only fields of ops.reveal_field can be revealed' USING ERRCODE = 'CC005';
    END IF;
    INSERT INTO ops.reveal_request (db_role, row_id, fields) VALUES (session_user, found_row, fields)
    RETURNING request_id INTO request;
    PERFORM ops.append_audit(
        actor, 'reveal', person_token,
        jsonb_build_object('request', request, 'row_id', found_row, 'fields', fields, 'classes', classes, 'ticket', ticket),
        CASE WHEN found_row IS NULL THEN 0 ELSE 1 END, purpose);
    RETURN request;
END $$;
COMMENT ON FUNCTION ops.request_reveal IS 'Logs who wants to see what of whom, and for what; commit, then call ops.reveal.';

CREATE FUNCTION ops.reveal(request bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
DECLARE
    asked ops.reveal_request := (SELECT r FROM ops.reveal_request r WHERE r.request_id = request);
BEGIN
    -- Whoever asks and reads in one transaction could roll the asking back.
    IF asked.xid = pg_current_xact_id_if_assigned() THEN
        RAISE EXCEPTION 'request % is of this transaction: commit it first', request USING ERRCODE = 'CC005';
    END IF;
    IF asked.db_role IS DISTINCT FROM session_user OR asked.at < clock_timestamp() - interval '5 minutes'
       OR NOT EXISTS (SELECT FROM ops.audit a WHERE a.action = 'reveal' AND a.detail -> 'request' = to_jsonb(request)) THEN
        RAISE EXCEPTION 'there is no request % of yours from the last five minutes', request USING ERRCODE = 'CC005';
    END IF;
    RETURN (
        SELECT jsonb_object_agg(held.key, held.value)
        FROM core.member m CROSS JOIN LATERAL jsonb_each(to_jsonb(m)) held
        WHERE m.row_id = asked.row_id
          AND held.key = ANY (array_replace(asked.fields, 'ssn', 'ssn_sealed'))
    );
END $$;
COMMENT ON FUNCTION ops.reveal IS 'The fields that a committed request of the caller asked for; an SSN sealed, as it is kept.';

CREATE FUNCTION ops.who_saw(partner text, subscriber_id text, person_code text, tokens text[]) RETURNS SETOF ops.audit
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
    SELECT a.* FROM ops.audit a
    WHERE a.action = 'reveal'
      AND (a.object = ANY ($4) OR a.detail -> 'row_id' =
           (SELECT to_jsonb(m.row_id) FROM core.member m
            WHERE (m.partner, m.subscriber_id, m.person_code) = ($1, $2, $3)))
    ORDER BY a.audit_id
$$;
COMMENT ON FUNCTION ops.who_saw IS
    'Requests to see a member: by the token that was given, and by the row that was found, should the token be wrong.';

-- ── analysts by partner ─────────────────────────────────────────────────────
CREATE TABLE ops.analyst_scope (
    login text NOT NULL,
    partner text NOT NULL,
    PRIMARY KEY (login, partner)
);
COMMENT ON TABLE ops.analyst_scope IS 'Whose members a login sees in the marts: a partner, or * for all; a login without a row sees none.';
INSERT INTO ops.analyst_scope VALUES ('concord_analyst', '*');

-- As before, and of the caller's partners only. Whoever may read core itself is not kept from it here.
CREATE OR REPLACE FUNCTION mart.eligible_members_as_of(on_date date, known timestamptz DEFAULT 'infinity')
RETURNS TABLE (
    partner text, subscriber_id text, person_code text, relationship_code text, birth_year integer, gender_code text,
    state_code text, ssn_token text, ssn_last_four text, group_id text, coverage_line text, plan_code text,
    coverage_tier text, division_code text, effective_from date, effective_to date, end_kind text, delivery_id text,
    line bigint, known_from timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, core, pg_temp AS $$
    SELECT e.partner, e.subscriber_id, e.person_code, m.relationship_code,
           extract(year FROM m.birth_date)::integer, m.gender_code, m.state_code, m.ssn_token, m.ssn_last_four,
           e.group_id, e.coverage_line, e.plan_code, e.coverage_tier, e.division_code, e.effective_from,
           e.effective_to, e.end_kind, e.delivery_id, e.line, e.known_from
    FROM core.eligibility_as_of(on_date, known) e
    LEFT JOIN core.member_known(known) m USING (partner, subscriber_id, person_code)
    WHERE has_table_privilege(session_user, 'core.eligibility', 'SELECT')
       OR EXISTS (SELECT FROM ops.analyst_scope s WHERE s.login = session_user AND s.partner = '*')
       OR e.partner IN (SELECT s.partner FROM ops.analyst_scope s WHERE s.login = session_user)
$$;

-- ── what must have its entry ────────────────────────────────────────────────
CREATE FUNCTION ops.find_unaudited() RETURNS TABLE (what text, id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
    WITH entry AS (
        SELECT a.action, CASE a.action WHEN 'reveal' THEN a.detail ->> 'request' ELSE a.object END AS id,
               coalesce(a.detail ->> 'digest', a.detail ->> 'replay', '') AS of,
               CASE WHEN a.action IN ('approve', 'decline') THEN a.actor ELSE '' END AS person, count(*) AS times
        FROM ops.audit a WHERE a.action IN ('apply', 'approve', 'decline', 'skip', 'replay', 'reveal')
        GROUP BY 1, 2, 3, 4
    ), deed AS (
        SELECT 'apply' AS action, d.delivery_id AS id, '' AS of, '' AS person, true AS is_one
        FROM ops.delivery d WHERE d.known_at IS NOT NULL
        UNION ALL
        SELECT 'approve', e.delivery_id, e.digest, e.person, true FROM ops.endorsement e
        UNION ALL
        SELECT 'decline', c.delivery_id, c.digest, c.decided_by, true FROM ops.decision c WHERE c.verdict = 'decline'
        UNION ALL
        SELECT 'skip', v.delivery_id, '', '', true FROM ops.delivery_event v
        WHERE v.to_state = 'declined' AND v.from_state <> 'held'
        UNION ALL
        SELECT 'replay', d.replay_of, d.delivery_id, '', true FROM ops.delivery d WHERE d.kind = 'replay'
        UNION ALL
        SELECT 'reveal', r.request_id::text, '', '', true FROM ops.reveal_request r
    )
    SELECT action, id FROM deed FULL JOIN entry USING (action, id, of, person)
    WHERE times IS DISTINCT FROM 1 OR deed.is_one IS NULL
    UNION ALL
    -- Rows that persons have waived were counted in entries of theirs; reopened ones may be waived again.
    SELECT 'waive', q.feed FROM ops.quarantine q WHERE q.state = 'waived' AND q.closed_reason = 'person'
    GROUP BY q.feed, q.closed_by
    HAVING count(*) > (SELECT coalesce(sum(a.item_count), 0) FROM ops.audit a
                       WHERE a.action = 'waive' AND a.object = q.feed AND a.actor = q.closed_by)
$$;
COMMENT ON FUNCTION ops.find_unaudited IS
    'Applies, answers, skips, replays, waivers and reveals without exactly one audit entry, and entries of none.';

CREATE FUNCTION ops.count_audited(action text, object text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
    SELECT count(*) FROM ops.audit a WHERE a.action = $1 AND a.object = $2
$$;
COMMENT ON FUNCTION ops.count_audited IS 'How many entries an object has of an action: for checks by those who may not read them.';

-- A path that does not name pg_temp has it first: anybody's temporary table would come before ours.
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT p.oid::regprocedure AS name, substr(setting, length('search_path=') + 1) AS path
        FROM pg_proc p CROSS JOIN LATERAL unnest(p.proconfig) setting
        WHERE p.prosecdef AND p.pronamespace IN ('ops'::regnamespace, 'core'::regnamespace, 'mart'::regnamespace)
          AND setting LIKE 'search_path=%' AND setting NOT LIKE '%pg_temp'
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %s, pg_temp', found.name, found.path);
    END LOOP;
END $$;

-- ── who may ─────────────────────────────────────────────────────────────────
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ops, core, mart FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.append_audit TO concord_loader;
GRANT EXECUTE ON FUNCTION
    ops.find_audit_flaws, ops.audit_hash_at, ops.find_audit_unanchored, ops.find_unaudited, ops.count_audited
    TO concord_loader, concord_auditor;
GRANT SELECT ON ops.audit_head TO concord_loader, concord_auditor;
GRANT SELECT ON ops.reveal_request, ops.analyst_scope TO concord_auditor;
GRANT EXECUTE ON FUNCTION ops.who_saw TO concord_auditor;
GRANT USAGE ON SCHEMA ops TO concord_revealer;
GRANT EXECUTE ON FUNCTION ops.request_reveal, ops.reveal TO concord_revealer;
