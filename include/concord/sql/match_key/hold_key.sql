SELECT key_id FROM ops.match_key WHERE partner = %(partner)s FOR SHARE
