INSERT INTO ops.plan (delivery_id, attempt, stage_no, base_seq, contract_hash, as_of_date)
SELECT %(delivery_id)s, %(attempt)s, %(stage_no)s, state_seq, %(contract_hash)s, %(as_of)s
FROM ops.lease WHERE feed = %(feed)s
RETURNING plan_id, base_seq
