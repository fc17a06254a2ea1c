-- A number counts as used by what got in or still may; what was sent again on purpose may repeat it (BGN01=15).
SELECT i.control_number, e.delivery_id
FROM ops.interchange i JOIN ops.delivery own ON own.delivery_id = i.delivery_id
JOIN ops.interchange e ON e.level = 'interchange' AND e.sender = i.sender AND e.control_number = i.control_number
JOIN ops.delivery d ON d.delivery_id = e.delivery_id
WHERE i.delivery_id = %(delivery_id)s AND i.level = 'interchange' AND d.feed = %(feed)s AND NOT own.is_resubmission
  AND d.delivery_id <> i.delivery_id AND d.arrival < own.arrival AND NOT e.is_rejected
  AND d.state NOT IN ('rejected', 'failed', 'declined', 'duplicate')
ORDER BY d.arrival DESC LIMIT 1
