SELECT refused, refused_at, refused >= %(most)s AND clock_timestamp() < refused_at + %(pause)s AS is_open
FROM ops.circuit WHERE conn_id = %(conn_id)s
