-- The row stays: others wait for it, and would find nothing to hold.
UPDATE ops.access_token SET sealed = NULL, minted_at = NULL, expires_at = NULL WHERE conn_id = %(conn_id)s
