UPDATE ops.export SET polled_at = clock_timestamp(), failures = failures + 1
WHERE delivery_id = %(delivery_id)s RETURNING failures
