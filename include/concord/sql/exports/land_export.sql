UPDATE ops.export SET state = 'landed' WHERE delivery_id = %(delivery_id)s AND state = 'ready'
