UPDATE ops.export SET state = 'ready', manifest_sealed = %(manifest_sealed)s, transaction_time = %(transaction_time)s
WHERE delivery_id = %(delivery_id)s AND state = 'running' RETURNING delivery_id
