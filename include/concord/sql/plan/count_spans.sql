-- The other side of the balance, counted from the tables and not from the plan.
WITH incoming AS (
    SELECT count(*) AS total FROM {stage} WHERE disposition IN ('consumed', 'ignored')
), in_scope AS (
    SELECT h.* FROM {core} h
    WHERE h.partner = %(partner)s AND h.feed = %(feed)s
      AND (h.group_id, h.coverage_line) IN (SELECT group_id, coverage_line FROM scope)
)
SELECT (SELECT total FROM incoming) AS incoming,
       (SELECT count(*) FROM in_scope) AS held,
       (SELECT count(*) FROM in_scope WHERE coalesce(effective_to, 'infinity') > %(as_of)s) AS held_standing
