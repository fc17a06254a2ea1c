WITH own AS (
    UPDATE ops.delivery SET erased_at = clock_timestamp()
    WHERE sha256 = %(sha256)s AND manifest ->> 'object_url' = %(object_url)s
      AND shredded_at IS NOT NULL AND erased_at IS NULL
)
UPDATE ops.arrival SET erased_at = clock_timestamp()
WHERE sha256 = %(sha256)s AND manifest ->> 'object_url' = %(object_url)s
  AND shredded_at IS NOT NULL AND erased_at IS NULL
