UPDATE ops.export SET state = 'running', manifest_sealed = %(manifest_sealed)s, transaction_time = %(transaction_time)s,
    started_at = clock_timestamp()
WHERE delivery_id = %(delivery_id)s AND state = 'wanted' RETURNING delivery_id
