SELECT DISTINCT delivery_id FROM ops.landed_object
WHERE delivery_id = ANY (%(delivery_ids)s) AND shredded_at IS NOT NULL
