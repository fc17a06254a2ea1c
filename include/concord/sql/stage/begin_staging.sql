INSERT INTO ops.stage_attempt (delivery_id, attempt, contract_hash, token_key_id)
VALUES (%(delivery_id)s, %(attempt)s, %(contract_hash)s, %(token_key_id)s) RETURNING stage_no
