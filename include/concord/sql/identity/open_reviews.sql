WITH opened AS (
    INSERT INTO core.link_review (entity, partner, key, reason, candidates, evidence, link_plan_id, opened_at)
    SELECT entity, partner, key, reason, candidates, evidence, %(plan_id)s, %(known_at)s FROM ops.link_plan_row
    WHERE link_plan_id = %(plan_id)s AND action = 'review' AND part = ANY (%(parts)s)
    RETURNING 1
)
SELECT count(*) AS opened FROM opened
