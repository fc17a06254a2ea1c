-- Held spans in scope that a full file does not show (reconcile §4, omission). A bad row of a
-- member is presence, not absence; an explicit end of a superseded delivery still counts.
INSERT INTO ops.plan_row (plan_id, entity, action, part, key, scope, held_row_id, from_before, to_before, from_after,
                          to_after, inferred, retro, content_hash, reason, evidence)
SELECT %(plan_id)s, %(entity)s, d.action, CASE WHEN d.action IN ('end', 'correct_end', 'void') THEN 'loss' ELSE 'none' END,
       ARRAY[{h_key}], ARRAY[{h_scope}], h.row_id, h.effective_from, h.effective_to,
       CASE WHEN d.action IN ('end', 'correct_end') THEN h.effective_from END,
       CASE WHEN d.action IN ('end', 'correct_end') THEN d.end_date END,
       d.action IN ('end', 'void') AND c.end_date IS NULL,
       CASE d.action WHEN 'void' THEN h.effective_from < %(retro_bound)s
            WHEN 'end' THEN d.end_date < %(retro_bound)s WHEN 'correct_end' THEN d.end_date < %(retro_bound)s
            ELSE false END, h.content_hash, d.reason,
       CASE WHEN d.action IN ('end', 'correct_end', 'void', 'pending_end') THEN jsonb_strip_nulls(jsonb_build_object(
           'rule', d.reason, 'delivery', coalesce(c.delivery_id, %(delivery_id)s), 'line', c.line,
           'last_seen_delivery', coalesce(a.last_seen_delivery_id, %(seen_delivery_id)s, h.delivery_id),
           'last_seen_line', coalesce(a.last_seen_line, seen.line,
                CASE WHEN %(seen_delivery_id)s::text IS NULL THEN h.line END))) END
FROM residue r JOIN {core} h ON h.row_id = r.row_id
LEFT JOIN ops.absence a ON a.feed = %(feed)s AND a.entity = %(entity)s AND a.row_id = h.row_id
LEFT JOIN seen ON {seen_is_h}
LEFT JOIN carried c ON c.row_id = h.row_id AND c.end_date < coalesce(h.effective_to, 'infinity')
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM refused_row q WHERE {q_is_h}) AS is_quarantined,
           EXISTS (SELECT FROM hinted q WHERE q.subscriber_id = h.subscriber_id AND q.person_code = h.person_code)
               AS may_be_unreadable,
           cardinality(array_remove(coalesce(a.as_of_dates, ARRAY[]::date[]), %(as_of)s)) + 1 AS absences
) f
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN f.is_quarantined THEN 'keep' WHEN f.may_be_unreadable THEN 'keep'
        WHEN c.end_date IS NOT NULL THEN CASE WHEN c.end_date <= h.effective_from THEN 'void'
            WHEN h.effective_to IS NULL THEN 'end' ELSE 'correct_end' END
        WHEN h.effective_to IS NOT NULL AND h.effective_from <= %(as_of)s THEN 'known'
        WHEN %(omission)s = 'keep' THEN 'keep'
        WHEN h.effective_from > %(as_of)s THEN 'void'
        WHEN f.absences < %(absences)s THEN 'pending_end'
        WHEN %(inferred_end)s <= h.effective_from THEN 'void'
        ELSE 'end' END AS action,
        CASE
        WHEN f.is_quarantined THEN 'quarantined_present' WHEN f.may_be_unreadable THEN 'may_be_unreadable'
        WHEN c.end_date IS NOT NULL THEN 'carried' ELSE 'omission.' || %(omission)s END AS reason,
        coalesce(c.end_date, %(inferred_end)s) AS end_date
) d
WHERE r.line IS NULL AND h.feed = %(feed)s AND d.action <> 'known'
  AND NOT EXISTS (SELECT FROM pair WHERE pair.row_id = h.row_id)
  AND (h.group_id, h.coverage_line) IN (SELECT group_id, coverage_line FROM scope)
