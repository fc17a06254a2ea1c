-- Added, or changed: with the names of what changed.
INSERT INTO ops.plan_row (plan_id, entity, action, part, key, held_row_id, line, changed, content_hash)
SELECT %(plan_id)s, %(entity)s, CASE WHEN h.row_id IS NULL THEN 'add' ELSE 'change' END, 'grant',
       ARRAY[{s_key}], h.row_id, s.line, CASE WHEN h.row_id IS NULL THEN ARRAY[]::text[] ELSE {changed} END, s.content_hash
FROM {stage} s LEFT JOIN {core} h ON h.partner = %(partner)s AND {s_is_h}
WHERE s.disposition = 'consumed' AND s.entity = %(entity)s AND NOT s.deleted
  AND (h.row_id IS NULL OR (h.content_hash <> s.content_hash AND cardinality({changed}) > 0))
