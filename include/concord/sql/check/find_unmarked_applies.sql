SELECT delivery_id AS id FROM ops.delivery
WHERE (state IN ('applied', 'published', 'reverted'))
    <> ALL (ARRAY[applied_seq IS NOT NULL, known_at IS NOT NULL, applied_at IS NOT NULL])
   OR num_nonnulls(applied_seq, known_at, applied_at) NOT IN (0, 3)
