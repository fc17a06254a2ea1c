-- What newer deliveries of the feed say counts, whatever this row says, and whether it can be read now or not.
WITH said AS (
    SELECT s.line FROM {stage} s
    WHERE EXISTS (SELECT FROM {core} h
                  WHERE h.partner = %(partner)s AND {s_is_h} AND h.delivery_id = ANY (%(newer)s))
       OR EXISTS (SELECT FROM {history} h WHERE h.partner = %(partner)s AND {s_is_h}
                  AND (h.delivery_id = ANY (%(newer)s) OR h.closed_by_delivery_id = ANY (%(newer)s)))
       OR EXISTS (SELECT FROM ops.stated_key k WHERE k.key = ARRAY[{s_key}] AND k.delivery_id = ANY (%(newer)s))
), in_scope AS (
    -- Of a row that could not be read, the scope is that of the span held.
    SELECT s.line FROM {stage} s JOIN scope ON (s.group_id, s.coverage_line) = (scope.group_id, scope.coverage_line)
    UNION
    SELECT s.line FROM {stage} s JOIN {core} h ON h.partner = %(partner)s AND h.feed = %(feed)s AND {s_is_h}
    JOIN scope ON (h.group_id, h.coverage_line) = (scope.group_id, scope.coverage_line)
), shown AS (
    -- Whom a refused row of a newer full shows: by its key or, where a part of that cannot be read, by anything else.
    -- One join for each, so that every one of them is by equality.
    SELECT s.line, u.delivery_id FROM {stage} s JOIN unheard u ON {u_is_s}
    UNION
    SELECT s.line, u.delivery_id FROM {stage} s JOIN unheard u USING (subscriber_id) WHERE {u_key_incomplete}
    UNION
    SELECT s.line, u.delivery_id FROM {stage} s JOIN unheard u USING (birth_date) WHERE {u_key_incomplete}
    UNION
    SELECT s.line, hinted.delivery_id
    FROM {stage} s CROSS JOIN unnest(ARRAY[s.subscriber_id, s.birth_date::text]) AS told(value)
    JOIN (SELECT delivery_id, unnest(hints) AS value FROM unheard u WHERE {u_key_incomplete}) hinted USING (value)
), heard AS (
    -- What was open before a newer full and was not kept by it: a row that could be read spoke of it.
    SELECT s.line, d.delivery_id
    FROM {stage} s
    JOIN (SELECT {key}, partner, effective_to, known_from, 'infinity'::timestamptz AS known_to FROM {core}
          UNION ALL SELECT {key}, partner, effective_to, known_from, known_to FROM {history}) h
        ON h.partner = %(partner)s AND {s_is_h} AND h.effective_to IS NULL
    JOIN ops.delivery d ON d.delivery_id = ANY (%(fulls)s) AND h.known_from < d.known_at AND h.known_to >= d.known_at
    WHERE NOT EXISTS (SELECT FROM ops.plan_row p JOIN ops.plan USING (plan_id)
        WHERE plan.delivery_id = d.delivery_id AND p.action = 'keep' AND p.key = ARRAY[{s_key}])
), spoken AS (
    -- A newer full was about everybody in scope, present or absent, unless it showed the member by refused rows only:
    -- then what was open before it was kept, as its plan says.
    SELECT i.line FROM in_scope i CROSS JOIN unnest(%(fulls)s::text[]) AS newer(delivery_id)
    WHERE (i.line, newer.delivery_id) NOT IN (SELECT line, delivery_id FROM shown)
       OR (i.line, newer.delivery_id) IN (SELECT line, delivery_id FROM heard)
)
UPDATE {stage} t SET disposition = 'ignored', reason = 'newer_truth'
WHERE t.line IN (SELECT line FROM said UNION SELECT line FROM spoken)
