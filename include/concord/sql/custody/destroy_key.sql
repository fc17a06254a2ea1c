WITH own AS (
    UPDATE ops.delivery
    SET manifest = jsonb_set(manifest, '{{wrapped_key}}', '""'), file_name_sealed = NULL, shredded_at = %(now)s
    WHERE sha256 = %(sha256)s AND manifest ->> 'object_url' = %(object_url)s AND shredded_at IS NULL
    RETURNING delivery_id
), arrived AS (
    UPDATE ops.arrival
    SET manifest = jsonb_set(manifest, '{{wrapped_key}}', '""'), file_name_sealed = NULL, shredded_at = %(now)s
    WHERE sha256 = %(sha256)s AND manifest ->> 'object_url' = %(object_url)s AND shredded_at IS NULL
    RETURNING delivery_id
)
SELECT delivery_id FROM own UNION SELECT delivery_id FROM arrived
