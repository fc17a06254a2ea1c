SELECT guard, scope, count, base, share, limit_share, limit_floor, tripped, text
FROM ops.plan_guard WHERE plan_id = %(plan_id)s
ORDER BY tripped DESC, guard, scope
