UPDATE ops.export SET state = 'running', status_url_sealed = %(status_url_sealed)s, started_at = clock_timestamp()
WHERE delivery_id = %(delivery_id)s AND state = 'wanted' RETURNING delivery_id
