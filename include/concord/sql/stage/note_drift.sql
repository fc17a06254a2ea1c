UPDATE ops.delivery SET drift = %(drift)s WHERE delivery_id = %(delivery_id)s
