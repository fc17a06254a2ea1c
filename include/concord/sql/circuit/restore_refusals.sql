UPDATE ops.circuit SET refused = %(refused)s, refused_at = %(refused_at)s WHERE conn_id = %(conn_id)s
