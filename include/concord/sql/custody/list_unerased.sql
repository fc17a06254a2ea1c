SELECT DISTINCT ON (manifest ->> 'object_url') sha256, manifest FROM ops.landed_object
WHERE shredded_at IS NOT NULL AND erased_at IS NULL ORDER BY manifest ->> 'object_url'
