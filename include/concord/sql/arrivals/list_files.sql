SELECT * FROM ops.arrival WHERE delivery_id = %(delivery_id)s ORDER BY file
