-- Who moves house or gets a new number is still the same person: a link stands for as long as birth and first name do
-- not contradict it.
INSERT INTO link_pair (patient_id, member_id, rule, rank)
SELECT p.row_id, m.row_id, 'standing', %(rank)s
FROM link_patient p JOIN link_member m ON m.person_id = p.person_before AND NOT m.is_unknown
WHERE coalesce(p.birth_date = m.birth_date, true) AND coalesce(p.first_key = m.first_key, true)
  AND coalesce(p.suffix_key = m.suffix_key, true)
