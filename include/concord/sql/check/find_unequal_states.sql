SELECT d.delivery_id AS id FROM ops.delivery d
LEFT JOIN (SELECT DISTINCT ON (delivery_id) delivery_id, to_state FROM ops.delivery_event
           ORDER BY delivery_id, event_id DESC) e USING (delivery_id)
WHERE e.to_state IS DISTINCT FROM d.state
