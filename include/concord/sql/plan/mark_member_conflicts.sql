-- Rows of one member that disagree on who the member is.
WITH torn AS (
    SELECT {member_key} FROM {stage} WHERE disposition = 'consumed'
    GROUP BY {member_key} HAVING min(member_hash) <> max(member_hash)
)
UPDATE {stage} t SET disposition = 'quarantined', reason = 'member.conflict'
FROM torn WHERE {t_is_torn} AND t.disposition = 'consumed'
