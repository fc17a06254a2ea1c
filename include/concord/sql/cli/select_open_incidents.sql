SELECT incident_id, feed, delivery_id, kind, subject, text, times, opened_at, last_seen_at
FROM ops.incident WHERE state = 'open'
ORDER BY last_seen_at DESC
