-- One row ends all coverage of a member, another of the same file says something of one: nobody can tell which is right.
WITH leaving AS (
    SELECT DISTINCT {member_key} FROM {stage}
    WHERE disposition = 'consumed' AND coverage_line IS NULL AND maintenance_action = 'end'
), torn AS (
    SELECT DISTINCT {s_member_key} FROM {stage} s JOIN leaving ON {s_is_leaving}
    WHERE s.disposition = 'consumed' AND (s.coverage_line IS NOT NULL OR s.maintenance_action IS DISTINCT FROM 'end')
)
UPDATE {stage} t SET disposition = 'quarantined', reason = 'ambiguous_key'
FROM torn WHERE {t_is_torn} AND t.disposition = 'consumed'
