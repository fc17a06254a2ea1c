DELETE FROM ops.line_account WHERE delivery_id = %(delivery_id)s
