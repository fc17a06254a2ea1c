SELECT * FROM ops.plan_guard WHERE plan_id = %(plan_id)s ORDER BY tripped DESC, guard, scope
