INSERT INTO ops.feed_scope (feed, group_id, coverage_line, first_delivery_id, known_from)
SELECT DISTINCT %(feed)s, group_id, coverage_line, %(delivery_id)s, %(known_at)s::timestamptz
FROM {stage} WHERE disposition = 'consumed' AND group_id IS NOT NULL AND coverage_line IS NOT NULL
ON CONFLICT DO NOTHING
