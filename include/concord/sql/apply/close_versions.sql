-- Close rather than delete: an earlier claim must still find what was believed then.
WITH closed AS (
    DELETE FROM {core} c USING ops.plan_row p
    WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.part = ANY (%(parts)s) AND p.held_row_id = c.row_id
      AND p.action IN ('change', 'correct_start', 'correct_end', 'end', 'reinstate', 'void')
    RETURNING c.*, p.action
), kept AS (
    INSERT INTO {history} (row_id, {columns}, content_hash, partner, feed, known_from, known_to, closed_by_delivery_id,
                           closed_by_action)
    SELECT row_id, {columns}, content_hash, partner, feed, known_from, %(known_at)s, %(delivery_id)s, action FROM closed
    RETURNING 1
)
SELECT (SELECT count(*) FROM kept) AS closed,
       (SELECT count(*) FROM ops.plan_row p WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s
           AND p.part = ANY (%(parts)s) AND p.held_row_id IS NOT NULL
           AND p.action IN ('change', 'correct_start', 'correct_end', 'end', 'reinstate', 'void')) AS planned
