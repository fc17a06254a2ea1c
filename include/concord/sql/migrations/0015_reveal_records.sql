-- Reads of raw clinical resources: as of values of a member (0006), logged first and given afterwards.
--
-- A resource is all of a record, so there are no fields to choose. What is given is where it lies (delivery, line,
-- the sealed object's manifest); the keys are in the process of the person who asked.

ALTER TABLE ops.reveal_request
    ADD COLUMN entity text,
    ADD COLUMN delivery_id text,
    ADD COLUMN line bigint,
    ADD CHECK (entity IS NULL OR (row_id IS NULL AND fields = '{resource}')),
    ADD CHECK (entity IS NOT NULL OR num_nonnulls(delivery_id, line) = 0);
COMMENT ON TABLE ops.reveal_request IS
    'Who asked to see which fields of which member, or which record as it was sent; only what was asked for is given.';
COMMENT ON COLUMN ops.reveal_request.entity IS 'Table of a clinical record whose resource was asked for; null for a member.';
COMMENT ON COLUMN ops.reveal_request.delivery_id IS 'Where the record''s newest statement stands; null where there is no such record.';

CREATE FUNCTION ops.find_record(partner text, entity text, resource_id text)
RETURNS TABLE (row_id bigint, delivery_id text, line bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
BEGIN
    IF entity IS NULL OR entity NOT IN ('patient', 'encounter', 'condition', 'observation', 'medication_request', 'procedure',
                                        'immunization', 'allergy_intolerance', 'diagnostic_report', 'document_reference',
                                        'coverage_record', 'practitioner', 'organization', 'location') THEN
        RAISE EXCEPTION 'only clinical records have a resource' USING ERRCODE = 'CC005';
    END IF;
    -- The rows of one resource (an observation and its components) may be of several statements: the newest is meant.
    RETURN QUERY EXECUTE format(
        'SELECT r.row_id, r.delivery_id, r.line FROM core.%I r WHERE r.partner = $1 AND r.resource_id = $2
         ORDER BY r.known_from DESC, r.line DESC, r.row_id LIMIT 1', entity) USING partner, resource_id;
END $$;
COMMENT ON FUNCTION ops.find_record IS 'Where the newest statement of a record stands; for the functions that log who asks.';

CREATE FUNCTION ops.request_reveal_record(
    actor text, partner text, entity text, resource_id text, record_token text, purpose text, ticket text DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
DECLARE
    place record;
    request bigint;
BEGIN
    IF coalesce(btrim(actor), '') = '' OR coalesce(btrim(purpose), '') = '' OR coalesce(record_token, '') = '' THEN
        RAISE EXCEPTION 'who asks, for what and about which record must be said' USING ERRCODE = 'CC005';
    END IF;
    SELECT f.* INTO place FROM ops.find_record(partner, entity, resource_id) f;
    INSERT INTO ops.reveal_request (db_role, fields, entity, delivery_id, line)
    VALUES (session_user, '{resource}', entity, place.delivery_id, place.line)
    RETURNING request_id INTO request;
    -- Not row_id: that names a member (ops.who_saw).
    PERFORM ops.append_audit(
        actor, 'reveal', record_token,
        jsonb_build_object('request', request, 'entity', entity, 'record', place.row_id, 'delivery', place.delivery_id,
                           'fields', ARRAY['resource'], 'classes', ARRAY['direct', 'indirect', 'secret'], 'ticket', ticket),
        CASE WHEN place.row_id IS NULL THEN 0 ELSE 1 END, purpose);
    RETURN request;
END $$;
COMMENT ON FUNCTION ops.request_reveal_record IS
    'Logs who wants to see which record as it was sent, and for what; commit, then call ops.reveal_record.';

CREATE FUNCTION ops.reveal_record(request bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
DECLARE
    asked ops.reveal_request := (SELECT r FROM ops.reveal_request r WHERE r.request_id = request);
BEGIN
    -- Whoever asks and reads in one transaction could roll the asking back.
    IF asked.xid = pg_current_xact_id_if_assigned() THEN
        RAISE EXCEPTION 'request % is of this transaction: commit it first', request USING ERRCODE = 'CC005';
    END IF;
    IF asked.entity IS NULL OR asked.db_role IS DISTINCT FROM session_user
       OR asked.at < clock_timestamp() - interval '5 minutes'
       OR NOT EXISTS (SELECT FROM ops.audit a WHERE a.action = 'reveal' AND a.detail -> 'request' = to_jsonb(request)) THEN
        RAISE EXCEPTION 'there is no request % of yours from the last five minutes', request USING ERRCODE = 'CC005';
    END IF;
    RETURN (
        SELECT jsonb_build_object(
            'delivery_id', d.delivery_id, 'line', asked.line, 'is_shredded', d.shredded_at IS NOT NULL,
            'manifest', d.manifest, 'is_replay', d.kind = 'replay',
            'refused', (SELECT jsonb_build_object('delivery_id', q.delivery_id, 'line', q.line, 'raw_sealed', q.raw_sealed)
                        FROM ops.replay_row r JOIN ops.quarantine q USING (quarantine_id)
                        WHERE r.delivery_id = d.delivery_id AND r.line = asked.line))
        FROM ops.delivery d WHERE d.delivery_id = asked.delivery_id
    );
END $$;
COMMENT ON FUNCTION ops.reveal_record IS
    'Where the resource that a committed request of the caller asked for lies, sealed, as it is kept.';

CREATE FUNCTION ops.who_saw_record(partner text, entity text, resource_id text, tokens text[]) RETURNS SETOF ops.audit
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
    SELECT a.* FROM ops.audit a
    WHERE a.action = 'reveal' AND a.detail ->> 'entity' = $2
      AND (a.object = ANY ($4)
           OR a.detail -> 'record' = (SELECT to_jsonb(f.row_id) FROM ops.find_record($1, $2, $3) f))
    ORDER BY a.audit_id
$$;
COMMENT ON FUNCTION ops.who_saw_record IS
    'Requests to see a record: by the token that was given, and by the row that was found, should the token be wrong.';

-- ── what must have its entry: an export that a person gave up, too ──────────
CREATE OR REPLACE FUNCTION ops.find_unaudited() RETURNS TABLE (what text, id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
    WITH entry AS (
        SELECT a.action, CASE a.action WHEN 'reveal' THEN a.detail ->> 'request' ELSE a.object END AS id,
               coalesce(a.detail ->> 'digest', a.detail ->> 'replay', '') AS of,
               CASE WHEN a.action IN ('approve', 'decline') THEN a.actor ELSE '' END AS person, count(*) AS times
        FROM ops.audit a WHERE a.action IN ('apply', 'approve', 'decline', 'skip', 'replay', 'reveal', 'cancel')
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
        UNION ALL
        SELECT 'cancel', v.delivery_id, '', '', true FROM ops.delivery_event v
        WHERE v.to_state = 'rejected' AND v.reason LIKE 'export.cancelled:%'
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
    'Applies, answers, skips, replays, waivers, reveals and given up exports without exactly one audit entry, and entries of none.';

-- ── who may ─────────────────────────────────────────────────────────────────
GRANT EXECUTE ON FUNCTION ops.request_reveal_record, ops.reveal_record TO concord_revealer;
GRANT EXECUTE ON FUNCTION ops.who_saw_record TO concord_auditor;
