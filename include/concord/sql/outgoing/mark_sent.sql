UPDATE ops.outgoing SET state = 'sent', sent_at = clock_timestamp(), attempts = attempts + 1, last_failure = NULL
WHERE outgoing_id = %(outgoing_id)s AND state = 'due'
