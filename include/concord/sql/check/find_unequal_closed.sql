-- A row in quarantine is closed as replayed by exactly one applied replay, the one it names; no other row is.
WITH counted AS (
    SELECT r.quarantine_id, min(r.delivery_id) AS delivery_id, count(*) AS times
    FROM ops.replay_row r JOIN ops.delivery d USING (delivery_id)
    WHERE r.outcome = 'replayed' AND d.known_at IS NOT NULL GROUP BY r.quarantine_id
)
SELECT q.delivery_id AS id FROM ops.quarantine q LEFT JOIN counted c USING (quarantine_id)
WHERE (q.state = 'replayed') <> (c.quarantine_id IS NOT NULL)
   OR (q.state = 'replayed' AND (c.times <> 1 OR q.closed_by <> c.delivery_id))
