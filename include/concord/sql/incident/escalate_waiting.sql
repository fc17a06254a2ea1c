-- Distances double: after 4 hours, 8, 16, 32. What was missed while nobody asked is told once.
WITH waiting AS (
    SELECT incident_id, 1 + floor(log(2, (extract(epoch FROM %(now)s - opened_at)
                                          / extract(epoch FROM escalates_after))::numeric))::integer AS reached
    FROM ops.incident
    WHERE state = 'open' AND acked_at IS NULL AND escalates_after > interval '0'
      AND %(now)s - opened_at >= escalates_after
    FOR UPDATE SKIP LOCKED
)
UPDATE ops.incident i SET level = reached
FROM waiting w WHERE i.incident_id = w.incident_id AND reached > i.level
RETURNING i.incident_id
