WITH latest AS (
    SELECT delivery_id FROM ops.delivery
    WHERE feed = %(feed)s AND state IN ('applied', 'published') AND kind = 'delivery'
    ORDER BY applied_seq DESC NULLS LAST LIMIT 1
)
SELECT delivery_id FROM ops.delivery
WHERE feed = %(feed)s AND sha256 = %(sha256)s AND delivery_id <> %(delivery_id)s
  AND (state IN ('landed', 'waiting', 'staged', 'planned', 'held') OR delivery_id IN (SELECT delivery_id FROM latest))
ORDER BY arrival LIMIT 1
