INSERT INTO ops.circuit AS c (conn_id, refused, refused_at) VALUES (%(conn_id)s, 1, clock_timestamp())
ON CONFLICT (conn_id) DO UPDATE SET refused = c.refused + 1, refused_at = EXCLUDED.refused_at
