SELECT DISTINCT sha256 FROM ops.landed_object
WHERE shredded_at IS NULL AND ops.key_id_of(decode(manifest ->> 'wrapped_key', 'base64')) IS DISTINCT FROM %(key_id)s
