-- Never on the number alone: families share one, clerks mistype them, and children are given their parents'.
-- Who shares number and birth, but not the first name, may be a twin.
INSERT INTO link_pair (patient_id, member_id, rule, rank, doubt)
WITH compared AS (
    SELECT p.row_id AS patient_id, m.row_id AS member_id, p.birth_date = m.birth_date AS born,
           p.first_key = m.first_key AS first, p.last_key = m.last_key AS last, p.suffix_key <> m.suffix_key AS suffix,
           p.birth_sequence <> m.birth_sequence AS sequence
    FROM link_patient p JOIN link_member m ON m.ssn_token = p.ssn_token
)
SELECT patient_id, member_id, 'ssn', %(rank)s,
       CASE WHEN born IS NULL THEN 'birth_date_unknown' WHEN NOT born THEN 'birth_date_differs'
            WHEN first IS NOT TRUE THEN 'first_name_differs' WHEN suffix THEN 'suffix_differs'
            WHEN sequence THEN 'birth_sequence_differs' END
FROM compared
WHERE born OR (last AND first AND suffix IS NOT TRUE)
