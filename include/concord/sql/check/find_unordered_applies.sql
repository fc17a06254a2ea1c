SELECT delivery_id AS id FROM (
    SELECT delivery_id, known_at <= lag(known_at) OVER (PARTITION BY feed ORDER BY applied_seq) AS is_earlier
    FROM ops.delivery WHERE applied_seq IS NOT NULL
) a WHERE is_earlier
