-- The commonest changes of one column that is no identifier, while the stage table still stands.
SELECT c.{column}::text AS before, s.{column}::text AS after, count(*) AS rows
FROM ops.plan_row r JOIN {core} c ON c.row_id = r.held_row_id JOIN {stage} s ON s.line = r.line AND {is_row}
WHERE r.plan_id = %(plan_id)s AND r.entity = %(entity)s AND %(name)s = ANY (r.changed)
GROUP BY 1, 2
ORDER BY rows DESC, before, after
LIMIT %(limit)s
