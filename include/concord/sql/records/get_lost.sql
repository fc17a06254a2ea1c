SELECT count(DISTINCT p.key[1]) AS lost FROM ops.plan_row p
WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.part = 'loss' AND p.reason = 'deleted'
