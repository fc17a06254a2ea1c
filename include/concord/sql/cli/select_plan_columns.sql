-- Which columns change, and in how many rows: one row counts under each of its columns.
SELECT r.entity, changed.name AS column, count(*) AS rows
FROM ops.plan_row r CROSS JOIN LATERAL unnest(r.changed) AS changed (name)
WHERE r.plan_id = %(plan_id)s
GROUP BY r.entity, changed.name ORDER BY r.entity, rows DESC, changed.name
