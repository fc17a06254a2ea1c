-- Close rather than delete: an earlier answer must still find what was believed then.
WITH planned AS (
    SELECT * FROM ops.link_plan_row
    WHERE link_plan_id = %(plan_id)s AND part = ANY (%(parts)s) AND before_known_from IS NOT NULL
), closed AS (
    DELETE FROM core.crosswalk x USING planned p
    WHERE (x.partner, x.entity, x.key) = (p.partner, p.entity, p.key)
      AND x.person_id = p.person_before AND x.known_from = p.before_known_from
    RETURNING x.*, %(known_at)s::timestamptz, %(plan_id)s::bigint, p.action
), kept AS (
    INSERT INTO core.crosswalk_history SELECT * FROM closed RETURNING 1
)
SELECT (SELECT count(*) FROM kept) AS closed, (SELECT count(*) FROM planned) AS planned
