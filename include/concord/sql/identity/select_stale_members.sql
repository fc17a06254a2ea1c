SELECT row_id, partner, subscriber_id, person_code, ssn_sealed FROM core.member
WHERE ssn_sealed IS NOT NULL AND split_part(ssn_token, ':', 1) IS DISTINCT FROM %(key_id)s
