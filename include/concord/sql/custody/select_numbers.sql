SELECT row_id, known_from, partner, subscriber_id, person_code, ssn_sealed FROM {table}
WHERE partner = %(partner)s AND ssn_sealed IS NOT NULL
