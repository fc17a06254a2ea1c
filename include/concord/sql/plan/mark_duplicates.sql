-- One key, identical content: the first line counts.
WITH twice AS (
    SELECT {key} FROM {stage} WHERE disposition = 'consumed' GROUP BY {key} HAVING count(*) > 1
), ranked AS (
    SELECT line, row_number() OVER (
        PARTITION BY {key}, effective_from, effective_to, maintenance_action, member_hash, eligibility_hash ORDER BY line
    ) AS place
    FROM {stage} JOIN twice USING ({key}) WHERE disposition = 'consumed'
)
UPDATE {stage} t SET disposition = 'duplicate', reason = 'duplicate'
FROM ranked WHERE ranked.line = t.line AND ranked.place > 1
