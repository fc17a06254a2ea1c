-- Equal child rows that nothing tells apart may be twins: neither may swallow the other.
WITH alike AS (
    SELECT {key}, effective_from FROM {stage}
    WHERE disposition = 'consumed' AND relationship_code = '19' AND ssn_token IS NULL AND birth_sequence IS NULL
    GROUP BY {key}, effective_from, effective_to, member_hash, eligibility_hash HAVING count(*) > 1
)
UPDATE {stage} t SET disposition = 'quarantined', reason = 'possible_multiple_birth'
FROM alike WHERE {t_is_alike} AND t.effective_from = alike.effective_from AND t.disposition = 'consumed'
