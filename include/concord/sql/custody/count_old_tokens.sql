SELECT count(*) AS members FROM (
    SELECT ssn_token FROM core.member WHERE partner = %(partner)s
    UNION ALL
    SELECT ssn_token FROM core.member_history WHERE partner = %(partner)s
    UNION ALL
    SELECT ssn_token FROM core.patient WHERE partner = %(partner)s
    UNION ALL
    SELECT ssn_token FROM core.patient_history WHERE partner = %(partner)s) m
WHERE split_part(ssn_token, ':', 1) <> %(key_id)s
