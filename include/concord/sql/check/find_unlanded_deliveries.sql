SELECT d.delivery_id AS id FROM ops.delivery d
WHERE (d.manifest IS NULL OR d.sha256 IS NULL OR d.byte_count IS NULL OR d.landed_at IS NULL
       OR EXISTS (SELECT FROM ops.arrival a WHERE a.delivery_id = d.delivery_id AND a.manifest IS NULL))
  AND d.kind = 'delivery' AND EXISTS (
    SELECT FROM ops.delivery_event e WHERE e.delivery_id = d.delivery_id AND e.to_state IN ('landed', 'duplicate'))
