UPDATE ops.plan SET digest = %(digest)s, verdict = %(verdict)s, counts = %(counts)s, balance = %(balance)s,
                    finished_at = clock_timestamp()
WHERE plan_id = %(plan_id)s
