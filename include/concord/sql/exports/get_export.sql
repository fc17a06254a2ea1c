SELECT * FROM ops.export WHERE delivery_id = %(delivery_id)s
