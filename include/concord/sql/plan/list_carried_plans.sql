-- The newest plan of every older delivery that is held or failed: what a newer full would supersede.
SELECT DISTINCT ON (p.delivery_id) p.delivery_id, p.plan_id
FROM ops.plan p JOIN ops.delivery d USING (delivery_id)
WHERE d.feed = %(feed)s AND d.state IN ('held', 'failed', 'planned', 'staged') AND d.delivery_id <> %(delivery_id)s
  AND p.finished_at IS NOT NULL AND d.delivery_id = ANY (%(older)s::text[])
ORDER BY p.delivery_id, p.plan_id DESC
