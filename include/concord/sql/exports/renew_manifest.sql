UPDATE ops.export SET manifest_sealed = %(manifest_sealed)s WHERE delivery_id = %(delivery_id)s AND state = 'ready'
