SELECT delivery_id FROM ops.landed_object
WHERE sha256 = %(sha256)s AND manifest ->> 'object_url' = %(object_url)s AND shredded_at IS NOT NULL LIMIT 1
