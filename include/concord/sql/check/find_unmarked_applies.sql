-- Applied has a place in the feed's order, an instant and a time; nothing else has any of them.
SELECT delivery_id AS id FROM ops.delivery
WHERE num_nonnulls(applied_seq, known_at, applied_at)
    <> CASE WHEN state IN ('applied', 'published', 'reverted') THEN 3 ELSE 0 END
