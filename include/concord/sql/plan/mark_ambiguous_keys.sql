-- One key, overlapping and different: nobody can say which row is right, so none counts.
-- The same start counts as overlapping: an empty (void) row and an active one contradict each other.
WITH twice AS (
    SELECT {key} FROM {stage} WHERE disposition = 'consumed' GROUP BY {key} HAVING count(*) > 1
), spans AS (
    SELECT {key}, effective_from,
           max(greatest(coalesce(effective_to, 'infinity'), effective_from + 1)) OVER (
               PARTITION BY {key} ORDER BY effective_from, line ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ) AS covered_until
    FROM {stage} JOIN twice USING ({key}) WHERE disposition = 'consumed'
), ambiguous AS (
    SELECT DISTINCT {key} FROM spans WHERE effective_from < covered_until
)
UPDATE {stage} t SET disposition = 'quarantined', reason = 'ambiguous_key'
FROM ambiguous WHERE {t_is_ambiguous} AND t.disposition = 'consumed'
