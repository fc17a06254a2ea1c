SELECT entity, action, part, count(*) AS rows, count(*) FILTER (WHERE inferred) AS inferred,
       count(*) FILTER (WHERE retro) AS retro, count(*) FILTER (WHERE splits) AS splits
FROM ops.plan_row WHERE plan_id = %(plan_id)s
GROUP BY entity, action, part ORDER BY entity, part, action
