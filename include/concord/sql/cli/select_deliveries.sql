-- Newest first. The partner's file name is sealed and has no place in a list.
SELECT r.feed, r.delivery_id, r.file_date, r.state, r.lines, r.quarantined, r.unchanged, r.added, r.changed,
       r.corrected, r.reinstated, r.ended, r.voided, r.lines_balance, r.spans_balance, r.state_reason,
       r.replay_of, d.discovered_at, p.counts
FROM mart.delivery_reconciliation r JOIN ops.delivery d USING (delivery_id)
LEFT JOIN LATERAL (
    SELECT counts FROM ops.plan WHERE delivery_id = d.delivery_id AND finished_at IS NOT NULL ORDER BY plan_id DESC LIMIT 1
) p ON true
WHERE (%(feed)s::text IS NULL OR r.feed = %(feed)s) AND (%(state)s::text IS NULL OR r.state = %(state)s)
ORDER BY d.arrival DESC
LIMIT %(limit)s
