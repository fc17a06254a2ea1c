DELETE FROM ops.circuit WHERE conn_id = %(conn_id)s RETURNING refused
