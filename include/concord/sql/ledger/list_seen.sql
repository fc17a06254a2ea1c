SELECT seen_delivery_id FROM ops.lease WHERE seen_delivery_id IS NOT NULL
