SELECT entity, action, count(*) AS rows, count(*) FILTER (WHERE part = 'loss') AS losses
FROM ops.plan_row WHERE plan_id = %(plan_id)s GROUP BY entity, action
