SELECT outgoing_id AS id, delivery_id, feed, kind, about, file_name, byte_count, state, attempts, last_failure, entered_at, sent_at
FROM ops.outgoing WHERE %(delivery_id)s::text IS NULL OR delivery_id = %(delivery_id)s
ORDER BY outgoing_id DESC LIMIT %(limit)s
