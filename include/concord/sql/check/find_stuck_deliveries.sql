-- A run takes minutes, and the reconciler replaces one that is lost: what still did not move is left by both.
SELECT delivery_id AS id FROM ops.delivery
WHERE state IN ('staged', 'planned', 'applied') AND state_at < clock_timestamp() - interval '6 hours'
