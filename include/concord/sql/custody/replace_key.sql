WITH own AS (
    UPDATE ops.delivery SET manifest = jsonb_set(manifest, '{{wrapped_key}}', to_jsonb(%(wrapped_key)s::text))
    WHERE manifest ->> 'object_url' = %(object_url)s AND sha256 = %(sha256)s AND shredded_at IS NULL
)
UPDATE ops.arrival SET manifest = jsonb_set(manifest, '{{wrapped_key}}', to_jsonb(%(wrapped_key)s::text))
WHERE manifest ->> 'object_url' = %(object_url)s AND sha256 = %(sha256)s AND shredded_at IS NULL
