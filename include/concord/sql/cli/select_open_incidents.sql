-- The loudest first.
SELECT i.incident_id, i.kind, CASE WHEN i.level > 0 THEN 'urgent' ELSE i.severity END AS severity, i.level, i.times,
       clock_timestamp() - i.opened_at AS age, i.feed, i.delivery_id, i.acked_by, i.subject,
       count(n.notice_id) FILTER (WHERE n.told_at IS NULL) AS untold
FROM ops.incident i
LEFT JOIN ops.notice n USING (incident_id)
WHERE i.state = 'open'
GROUP BY i.incident_id
ORDER BY i.acked_at IS NOT NULL, i.level DESC, array_position(ARRAY['urgent', 'action', 'note'], i.severity), i.opened_at
