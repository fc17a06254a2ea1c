SELECT delivery_id, manifest ->> 'object_url' AS object_url FROM ops.landed_object WHERE shredded_at IS NOT NULL
