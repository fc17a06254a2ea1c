SELECT row_id, known_from, partner, {owner}, ssn_sealed FROM {table}
WHERE partner = %(partner)s AND ssn_sealed IS NOT NULL
