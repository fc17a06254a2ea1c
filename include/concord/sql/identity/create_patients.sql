-- root_id: the survivor that speaks for it, itself where it was not merged. A date of birth of which only year or
-- month is known is none: the first of January would agree with the wrong people.
CREATE TEMP TABLE link_patient ON COMMIT DROP AS
WITH listed AS (
    SELECT p.*, ARRAY[p.resource_id] AS key FROM core.patient p
)
SELECT p.row_id, p.partner, p.key, coalesce(g.survivor_id, p.row_id) AS root_id,
       x.person_id AS person_before, x.rule AS rule_before, x.known_from AS before_known_from,
       core.plain_last_name(p.last_name) AS last_key, core.plain_name(p.first_name) AS first_key,
       core.plain_suffix(p.last_name, p.name_suffix) AS suffix_key,
       CASE WHEN coalesce(p.birth_precision, 'day') IN ('day', 'time') THEN p.birth_date END AS birth_date,
       p.gender_code, nullif(p.multiple_birth, 0) AS birth_sequence,
       coalesce(t.token, CASE WHEN split_part(p.ssn_token, ':', 1) = %(key_id)s THEN p.ssn_token END) AS ssn_token,
       core.plain_code(p.member_identifier) AS code_key,
       p.address_line_1, left(p.postal_code, 5) AS postal_key, core.plain_phone(p.phone) AS phone_key
FROM listed p
LEFT JOIN link_merge g ON g.row_id = p.row_id
LEFT JOIN core.crosswalk x ON x.partner = p.partner AND x.entity = 'patient' AND x.key = p.key
LEFT JOIN link_token t ON t.entity = 'patient' AND t.row_id = p.row_id
