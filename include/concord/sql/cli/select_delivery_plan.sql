-- The newest finished plan is the one that counts; a decision names its digest.
SELECT d.delivery_id, d.feed, d.state, d.state_reason, d.file_date, d.attempt, d.line_count, d.drift,
       p.plan_id, p.stage_no, p.base_seq, p.as_of_date, p.digest, p.verdict, p.counts, p.balance, p.finished_at,
       c.verdict AS decision, c.decided_by, c.decided_at
FROM ops.delivery d
LEFT JOIN LATERAL (
    SELECT * FROM ops.plan WHERE delivery_id = d.delivery_id AND finished_at IS NOT NULL ORDER BY plan_id DESC LIMIT 1
) p ON true
LEFT JOIN ops.decision c ON c.delivery_id = d.delivery_id AND c.digest = p.digest
WHERE d.delivery_id = %(delivery_id)s
