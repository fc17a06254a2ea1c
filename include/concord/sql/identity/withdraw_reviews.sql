WITH withdrawn AS (
    UPDATE core.link_review r SET state = 'withdrawn', closed_at = %(known_at)s
    FROM ops.link_plan_row p
    WHERE p.link_plan_id = %(plan_id)s AND p.action = 'withdraw' AND p.part = ANY (%(parts)s)
      AND r.state = 'open' AND r.review_id = (p.evidence ->> 'review')::bigint
    RETURNING 1
)
SELECT count(*) AS withdrawn FROM withdrawn
