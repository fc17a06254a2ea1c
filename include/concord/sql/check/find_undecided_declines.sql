SELECT d.delivery_id AS id FROM ops.delivery d
WHERE d.state = 'declined' AND NOT EXISTS (
    SELECT FROM ops.decision c WHERE c.delivery_id = d.delivery_id AND c.verdict = 'decline')
