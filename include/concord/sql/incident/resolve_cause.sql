UPDATE ops.incident SET state = 'resolved', resolved_at = clock_timestamp() WHERE cause = %(cause)s AND state = 'open'
