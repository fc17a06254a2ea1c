-- One sender of a file at a time: who comes second finds the next one.
SELECT outgoing_id, delivery_id, kind, about, file_name, content_sealed, entered_at FROM ops.outgoing
WHERE feed = %(feed)s AND state = 'due' AND content_sealed IS NOT NULL AND outgoing_id > %(after)s
ORDER BY outgoing_id LIMIT 1 FOR UPDATE SKIP LOCKED
