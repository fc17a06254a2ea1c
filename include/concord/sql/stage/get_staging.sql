SELECT delivery_id, stage_no, row_count, checksum, line_count, flags, contract_hash, token_key_id
FROM ops.stage_attempt
WHERE delivery_id = %(delivery_id)s AND finished_at IS NOT NULL AND dropped_at IS NULL
ORDER BY stage_no DESC LIMIT 1
