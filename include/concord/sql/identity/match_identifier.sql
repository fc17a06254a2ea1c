-- The patient carries the member's number: the family's, or the member's own with the person code. A family shares
-- its number, and front desks copy it, so birth and first name must agree as well.
INSERT INTO link_pair (patient_id, member_id, rule, rank, doubt)
WITH found AS (
    SELECT p.row_id AS patient_id, m.row_id AS member_id, false AS is_own
    FROM link_patient p JOIN link_member m ON m.family_key = p.code_key
    UNION
    SELECT p.row_id, m.row_id, true FROM link_patient p JOIN link_member m ON m.code_key = p.code_key
), compared AS (
    SELECT f.patient_id, f.member_id, f.is_own, p.birth_date = m.birth_date AS born, p.first_key = m.first_key AS first,
           p.last_key = m.last_key AS last, p.suffix_key <> m.suffix_key AS suffix,
           p.birth_sequence <> m.birth_sequence AS sequence
    FROM found f JOIN link_patient p ON p.row_id = f.patient_id JOIN link_member m ON m.row_id = f.member_id
)
SELECT patient_id, member_id, 'identifier', %(rank)s,
       CASE WHEN born IS NULL THEN 'birth_date_unknown' WHEN NOT born THEN 'birth_date_differs'
            WHEN first IS NOT TRUE THEN 'first_name_differs' WHEN suffix THEN 'suffix_differs'
            WHEN sequence THEN 'birth_sequence_differs' END
FROM compared
WHERE (born AND first) OR is_own OR (last AND first AND suffix IS NOT TRUE) OR (last AND born)
