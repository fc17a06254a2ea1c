-- Names, birth and gender, and a place or a telephone that both gave. Two different numbers are a doubt.
INSERT INTO link_pair (patient_id, member_id, rule, rank, doubt)
SELECT p.row_id, m.row_id, 'name', %(rank)s,
       CASE WHEN p.suffix_key <> m.suffix_key THEN 'suffix_differs' WHEN p.ssn_token <> m.ssn_token THEN 'ssn_differs'
            WHEN p.birth_sequence <> m.birth_sequence THEN 'birth_sequence_differs' END
FROM link_patient p
JOIN link_member m ON m.birth_date = p.birth_date AND m.last_key = p.last_key AND m.first_key = p.first_key
                  AND m.gender_code = p.gender_code
WHERE p.phone_key = m.phone_key
   OR (p.postal_key = m.postal_key AND core.plain_address(p.address_line_1) = core.plain_address(m.address_line_1))
