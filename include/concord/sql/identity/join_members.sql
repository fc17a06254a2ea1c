-- One human being with two member ids (two employers, or hired again under a new number): number, birth and first
-- name agree. Only a member nobody knew before joins a person; a group in which anything is doubtful joins nobody.
WITH grouped AS (
    SELECT ssn_token, birth_date, first_key, array_agg(row_id ORDER BY row_id) AS members,
           coalesce((array_agg(person_id) FILTER (WHERE NOT is_unknown))[1],
                    (array_agg(person_id ORDER BY partner, key))[1]) AS person_id
    FROM link_member
    WHERE ssn_token IS NOT NULL AND first_key IS NOT NULL
    GROUP BY ssn_token, birth_date, first_key
    HAVING count(*) > 1 AND bool_or(is_unknown) AND count(*) = count(DISTINCT (partner, subscriber_id))
       AND count(DISTINCT person_id) FILTER (WHERE NOT is_unknown) <= 1
       AND count(DISTINCT suffix_key) <= 1 AND count(DISTINCT birth_sequence) <= 1
)
UPDATE link_member m SET person_id = g.person_id, rule = 'ssn', joined = g.members
FROM grouped g
WHERE m.is_unknown AND m.ssn_token = g.ssn_token AND m.birth_date = g.birth_date AND m.first_key = g.first_key
  AND m.person_id <> g.person_id
