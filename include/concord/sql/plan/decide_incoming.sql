-- Rows that speak of no span that is held.
INSERT INTO ops.plan_row (plan_id, entity, action, part, key, scope, line, from_after, to_after, content_hash, reason)
SELECT %(plan_id)s, %(entity)s, CASE WHEN r.reason IS NULL THEN 'add' ELSE 'ignored' END,
       CASE WHEN r.reason IS NULL THEN 'grant' ELSE 'none' END,
       ARRAY[{s_key}], ARRAY[{s_scope}], s.line, s.effective_from, s.effective_to,
       s.{hash}, r.reason
FROM residue JOIN {stage} s USING (line)
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN s.effective_to = s.effective_from OR s.maintenance_action IS NOT DISTINCT FROM 'cancel' THEN 'never_covered'
        WHEN s.effective_to <= %(as_of)s AND s.effective_to < %(look_back_bound)s THEN 'expired'
    END AS reason
) r
WHERE residue.row_id IS NULL AND NOT EXISTS (SELECT FROM pair WHERE pair.line = s.line)
