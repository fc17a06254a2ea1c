SELECT row_id, partner, resource_id, ssn_sealed FROM core.patient
WHERE ssn_sealed IS NOT NULL AND split_part(ssn_token, ':', 1) IS DISTINCT FROM %(key_id)s
