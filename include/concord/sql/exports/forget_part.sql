UPDATE ops.export_file SET manifest = NULL WHERE delivery_id = %(delivery_id)s AND part = %(part)s
