SELECT coalesce(sum(byte_count), 0) AS byte_count FROM ops.export_file WHERE delivery_id = %(delivery_id)s
