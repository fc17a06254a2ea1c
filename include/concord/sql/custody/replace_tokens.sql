UPDATE {table} t SET ssn_token = n.ssn_token, content_hash = {row_hash}
FROM fresh_token n
WHERE n.entity = %(entity)s AND t.row_id = n.row_id AND t.known_from = n.known_from AND t.partner = %(partner)s
