SELECT sealed, minted_at, expires_at FROM ops.access_token WHERE conn_id = %(conn_id)s FOR UPDATE
