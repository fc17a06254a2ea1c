-- One sender at a time: who comes second finds nothing.
SELECT outgoing_id, delivery_id, kind, about, file_name, content_sealed, entered_at FROM ops.outgoing
WHERE feed = %(feed)s AND state = 'due' AND content_sealed IS NOT NULL
ORDER BY outgoing_id FOR UPDATE SKIP LOCKED
