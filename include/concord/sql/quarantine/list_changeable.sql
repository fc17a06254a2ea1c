-- Rows a person may close, or open again: no replay has them, and no later staging of their delivery finds them anew.
SELECT q.quarantine_id, q.delivery_id, q.reasons FROM ops.quarantine q JOIN ops.delivery d USING (delivery_id)
WHERE q.feed = %(feed)s AND q.state = ANY (%(states)s)
  AND d.state IN ('applied', 'published', 'reverted', 'compared', 'declined', 'superseded', 'duplicate')
  AND NOT EXISTS (SELECT FROM ops.replay_row r WHERE r.quarantine_id = q.quarantine_id AND r.outcome IS NULL)
  AND (%(delivery_id)s::text IS NULL OR q.delivery_id = %(delivery_id)s)
  AND (%(line)s::bigint IS NULL OR q.line = %(line)s)
  AND (%(reason)s::text IS NULL OR %(reason)s = ANY (q.reasons))
  AND (%(since)s::timestamptz IS NULL OR q.first_seen_at >= %(since)s)
ORDER BY q.quarantine_id
