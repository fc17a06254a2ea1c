SELECT * FROM ops.export_file WHERE delivery_id = %(delivery_id)s ORDER BY part
