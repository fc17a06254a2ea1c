-- An end that does not say what began when, and another row of the same coverage that does not begin where it ends:
-- which span ends cannot be told.
WITH ended AS (
    SELECT {key}, effective_to FROM {stage}
    WHERE disposition = 'consumed' AND coverage_line IS NOT NULL AND effective_from IS NULL
), torn AS (
    SELECT DISTINCT {s_key} FROM {stage} s JOIN ended ON {s_is_ended}
    WHERE s.disposition = 'consumed' AND s.effective_from IS NOT NULL
      AND s.effective_from IS DISTINCT FROM ended.effective_to
)
UPDATE {stage} t SET disposition = 'quarantined', reason = 'ambiguous_key'
FROM torn WHERE {t_is_torn_key} AND t.disposition = 'consumed'
