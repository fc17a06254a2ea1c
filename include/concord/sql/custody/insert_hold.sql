INSERT INTO ops.legal_hold (partner, feed, delivery_id, matter, placed_by)
VALUES (%(partner)s, %(feed)s, %(delivery_id)s, %(matter)s, %(by)s) RETURNING legal_hold_id
