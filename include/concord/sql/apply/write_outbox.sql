-- One event per row of core that this apply touched; a voided span by its last row id.
INSERT INTO ops.outbox (feed, delivery_id, entity, row_id, action, known_at)
SELECT %(feed)s, %(delivery_id)s, %(entity)s, c.row_id, coalesce(p.action, 'add'), %(known_at)s
FROM {core} c LEFT JOIN ops.plan_row p
    ON p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.held_row_id = c.row_id AND p.part = ANY (%(parts)s)
WHERE c.known_from = %(known_at)s AND c.feed = %(feed)s
UNION ALL
SELECT %(feed)s, %(delivery_id)s, %(entity)s, p.held_row_id, p.action, %(known_at)s FROM ops.plan_row p
WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.action = 'void' AND p.part = ANY (%(parts)s)
