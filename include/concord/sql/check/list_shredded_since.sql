SELECT delivery_id FROM ops.delivery WHERE delivery_id = ANY (%(delivery_ids)s) AND shredded_at IS NOT NULL
