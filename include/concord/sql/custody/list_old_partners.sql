SELECT partner FROM ops.match_key WHERE key_id <> %(key_id)s ORDER BY partner
