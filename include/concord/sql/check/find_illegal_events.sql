-- The chain begins with discovered, each link at the end of the one before, along legal edges only.
WITH link AS (
    SELECT delivery_id, from_state, to_state, lag(to_state) OVER chain AS before, row_number() OVER chain AS place
    FROM ops.delivery_event WINDOW chain AS (PARTITION BY delivery_id ORDER BY event_id)
)
SELECT l.delivery_id AS id FROM link l LEFT JOIN ops.legal_edge e USING (from_state, to_state)
WHERE CASE WHEN l.place = 1 THEN l.from_state IS NOT NULL OR l.to_state <> 'discovered'
           ELSE e.from_state IS NULL OR l.from_state IS DISTINCT FROM l.before END
