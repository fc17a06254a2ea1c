-- The next one that a channel has not taken; locked, so that two tellers do not tell the same.
SELECT n.notice_id, n.incident_id, n.event, n.severity, n.level, n.subject, n.text, n.told,
       n.created_at - i.opened_at AS age, i.opened_at, i.acked_by, i.feed, i.delivery_id, l.partner, d.state AS delivery_state
FROM ops.notice n
JOIN ops.incident i USING (incident_id)
LEFT JOIN ops.lease l ON l.feed = i.feed
LEFT JOIN ops.delivery d ON d.delivery_id = i.delivery_id
WHERE n.told_at IS NULL AND n.notice_id > %(after)s
ORDER BY n.notice_id LIMIT 1
FOR UPDATE OF n SKIP LOCKED
