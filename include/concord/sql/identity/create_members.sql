-- Every member with the person it is or becomes: its own as before; its prior key's, when the key changed and
-- the prior one is gone; the one it was when it was last here; or a new one.
CREATE TEMP TABLE link_member ON COMMIT DROP AS
WITH rekeyed AS (
    SELECT DISTINCT ON (k.partner, k.prior_key[1:2]) k.partner, k.key[1:2] AS key, x.person_id
    FROM core.key_change k
    JOIN core.crosswalk x ON x.partner = k.partner AND x.entity = 'member' AND x.key = k.prior_key[1:2]
    LEFT JOIN core.member m ON m.partner = k.partner AND ARRAY[m.subscriber_id, m.person_code] = k.prior_key[1:2]
    WHERE m.row_id IS NULL
    ORDER BY k.partner, k.prior_key[1:2], k.known_from DESC
), prior AS (
    SELECT DISTINCT ON (partner, key) partner, key, person_id FROM rekeyed ORDER BY partner, key, person_id
), earlier AS (
    SELECT DISTINCT ON (partner, key) partner, key, person_id FROM core.crosswalk_history
    WHERE entity = 'member' ORDER BY partner, key, known_to DESC
), listed AS (
    SELECT m.*, ARRAY[m.subscriber_id, m.person_code] AS key FROM core.member m
)
SELECT m.row_id, m.partner, m.key, m.subscriber_id, x.person_id AS person_before, x.rule AS rule_before,
       x.known_from AS before_known_from,
       coalesce(x.person_id, p.person_id, e.person_id, gen_random_uuid()) AS person_id,
       CASE WHEN x.person_id IS NOT NULL THEN x.rule WHEN p.person_id IS NOT NULL THEN 'rekey' ELSE 'own' END AS rule,
       x.person_id IS NULL AND p.person_id IS NULL AND e.person_id IS NULL AS is_unknown, NULL::bigint[] AS joined,
       core.plain_last_name(m.last_name) AS last_key, core.plain_name(m.first_name) AS first_key,
       core.plain_suffix(m.last_name, m.name_suffix) AS suffix_key, m.birth_date, m.gender_code,
       nullif(m.birth_sequence, 0) AS birth_sequence,
       coalesce(t.token, CASE WHEN split_part(m.ssn_token, ':', 1) = %(key_id)s THEN m.ssn_token END) AS ssn_token,
       core.plain_code(m.subscriber_id) AS family_key,
       core.plain_code(m.subscriber_id) || core.plain_code(m.person_code) AS code_key,
       m.address_line_1, left(m.postal_code, 5) AS postal_key, core.plain_phone(m.phone) AS phone_key
FROM listed m
LEFT JOIN core.crosswalk x ON x.partner = m.partner AND x.entity = 'member' AND x.key = m.key
LEFT JOIN prior p ON p.partner = m.partner AND p.key = m.key
LEFT JOIN earlier e ON e.partner = m.partner AND e.key = m.key
LEFT JOIN link_token t ON t.entity = 'member' AND t.row_id = m.row_id
