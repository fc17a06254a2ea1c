SELECT * FROM ops.delivery WHERE delivery_id = %(delivery_id)s
