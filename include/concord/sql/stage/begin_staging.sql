INSERT INTO ops.stage_attempt (delivery_id, attempt, contract_hash)
VALUES (%(delivery_id)s, %(attempt)s, %(contract_hash)s) RETURNING stage_no
