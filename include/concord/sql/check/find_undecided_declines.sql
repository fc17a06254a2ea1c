-- A held delivery is declined by a decision; a failed one that a person skipped has its audit entry instead.
SELECT d.delivery_id AS id FROM ops.delivery d
WHERE d.state = 'declined'
  AND EXISTS (SELECT FROM ops.delivery_event e
              WHERE e.delivery_id = d.delivery_id AND e.to_state = 'declined' AND e.from_state = 'held')
  AND NOT EXISTS (SELECT FROM ops.decision c WHERE c.delivery_id = d.delivery_id AND c.verdict = 'decline')
