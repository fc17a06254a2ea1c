INSERT INTO ops.plan_guard (plan_id, guard, scope, count, base, share, limit_share, limit_floor, tripped, text)
VALUES (%(plan_id)s, %(guard)s, %(scope)s, %(count)s, %(base)s, %(share)s, %(limit_share)s, %(limit_floor)s,
        %(tripped)s, %(text)s)
