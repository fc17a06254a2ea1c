UPDATE ops.access_token SET sealed = %(sealed)s, minted_at = %(minted_at)s, expires_at = %(expires_at)s
WHERE conn_id = %(conn_id)s
