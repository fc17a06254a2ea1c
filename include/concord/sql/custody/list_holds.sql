SELECT legal_hold_id AS hold, partner, feed, delivery_id AS delivery, matter, placed_by, placed_at, released_by, released_at
FROM ops.legal_hold WHERE released_at IS NULL OR %(everything)s ORDER BY legal_hold_id
