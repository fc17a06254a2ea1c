-- A member that joined a person stays for as long as birth and first name agree with one of the others: a corrected
-- date of birth parts them again.
CREATE TEMP TABLE link_parted ON COMMIT DROP AS
SELECT m.row_id, gen_random_uuid() AS person_id FROM link_member m
WHERE m.person_before IS NOT NULL AND m.rule_before = 'ssn'
  AND EXISTS (SELECT FROM link_member o WHERE o.person_before = m.person_before AND o.row_id <> m.row_id)
  AND NOT EXISTS (SELECT FROM link_member o WHERE o.person_before = m.person_before AND o.row_id <> m.row_id
                  AND o.birth_date = m.birth_date AND o.first_key = m.first_key)
