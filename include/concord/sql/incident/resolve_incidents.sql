UPDATE ops.incident SET state = 'resolved', resolved_at = clock_timestamp()
WHERE delivery_id = %(delivery_id)s AND state = 'open'
