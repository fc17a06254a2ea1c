-- A sample, losses first: they are what a reviewer looks for.
SELECT entity, action, part, key, line, from_before, to_before, from_after, to_after, changed, inferred, reason
FROM ops.plan_row WHERE plan_id = %(plan_id)s
ORDER BY part = 'loss' DESC, part = 'grant' DESC, action, plan_row_id
LIMIT %(limit)s
