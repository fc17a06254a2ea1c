-- Close rather than delete: an earlier claim must still find what was believed then.
WITH closed AS (
    DELETE FROM {core} c USING ops.plan_row p
    WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.part = ANY (%(parts)s) AND p.held_row_id = c.row_id
      AND p.action IN ('change', 'correct_start', 'correct_end', 'end', 'reinstate', 'void')
    RETURNING c.*, %(known_at)s::timestamptz, %(delivery_id)s, p.action
), kept AS (
    INSERT INTO {history} SELECT * FROM closed RETURNING 1
)
SELECT (SELECT count(*) FROM kept) AS closed,
       (SELECT count(*) FROM ops.plan_row p WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s
           AND p.part = ANY (%(parts)s) AND p.held_row_id IS NOT NULL
           AND p.action IN ('change', 'correct_start', 'correct_end', 'end', 'reinstate', 'void')) AS planned
