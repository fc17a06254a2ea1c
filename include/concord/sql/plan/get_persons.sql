-- Persons who have coverage now, and those of them whom this plan leaves without any. A reinstatement that begins
-- later than the span did takes days away, and still leaves the person covered.
WITH standing AS (
    SELECT h.row_id, h.subscriber_id, h.person_code FROM {core} h
    WHERE h.partner = %(partner)s AND h.feed = %(feed)s AND coalesce(h.effective_to, 'infinity') > %(as_of)s
), lost AS (
    SELECT held_row_id FROM ops.plan_row WHERE plan_id = %(plan_id)s AND entity = %(entity)s
      AND action IN ('end', 'void', 'correct_end') AND part = 'loss'
), granted AS (
    SELECT DISTINCT key[1] AS subscriber_id, key[2] AS person_code FROM ops.plan_row
    WHERE plan_id = %(plan_id)s AND entity = %(entity)s AND (part = 'grant' OR action = 'reinstate') AND coalesce(to_after, 'infinity') > %(as_of)s
), person AS (
    SELECT subscriber_id, person_code, bool_and(lost.held_row_id IS NOT NULL) AS loses_all
    FROM standing LEFT JOIN lost ON lost.held_row_id = standing.row_id GROUP BY 1, 2
)
SELECT count(*) AS covered, count(*) FILTER (WHERE loses_all AND granted.subscriber_id IS NULL) AS uncovered
FROM person LEFT JOIN granted USING (subscriber_id, person_code)
