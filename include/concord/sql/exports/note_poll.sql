UPDATE ops.export SET polled_at = clock_timestamp(), polls = polls + 1, progress = %(progress)s, failures = 0, unreached = 0
WHERE delivery_id = %(delivery_id)s
