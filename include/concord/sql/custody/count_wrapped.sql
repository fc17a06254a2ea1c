SELECT coalesce(ops.key_id_of(decode(manifest ->> 'wrapped_key', 'base64')), '') AS key_id, count(*) AS uses
FROM ops.landed_object WHERE shredded_at IS NULL GROUP BY 1
