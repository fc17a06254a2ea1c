UPDATE ops.match_key SET key_id = %(key_id)s, since = clock_timestamp() WHERE partner = %(partner)s
