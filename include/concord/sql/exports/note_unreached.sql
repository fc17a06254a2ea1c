UPDATE ops.export SET polled_at = clock_timestamp(), unreached = unreached + 1
WHERE delivery_id = %(delivery_id)s RETURNING unreached
