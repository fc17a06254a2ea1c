-- Applied is what was ordinary, or what a person approved under exactly this digest.
WITH applied AS (
{applied}
)
SELECT d.delivery_id AS id FROM ops.delivery d
LEFT JOIN applied a USING (delivery_id)
LEFT JOIN ops.decision c ON c.delivery_id = d.delivery_id AND c.digest = a.digest AND c.verdict = 'approve'
WHERE d.known_at IS NOT NULL
  AND NOT coalesce(a.verdict = 'apply' OR (a.verdict = 'hold' AND c.decision_id IS NOT NULL), false)
