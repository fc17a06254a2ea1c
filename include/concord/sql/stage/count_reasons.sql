SELECT reason, count(*) AS rows FROM ops.quarantine q CROSS JOIN LATERAL unnest(q.reasons) AS reason
WHERE q.delivery_id = %(delivery_id)s AND q.state = 'open' GROUP BY reason ORDER BY rows DESC, reason
