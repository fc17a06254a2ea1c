UPDATE ops.link_plan
SET digest = %(digest)s, loss_digest = %(loss_digest)s, verdict = %(verdict)s, counts = %(counts)s, guards = %(guards)s,
    finished_at = clock_timestamp()
WHERE link_plan_id = %(plan_id)s
