-- It speaks as of its original's date. It has no sequence of its own, and absence from it means nothing.
INSERT INTO ops.delivery (delivery_id, feed, partner, kind, replay_of, mode, is_pilot, attempt, file_date, as_of_date)
SELECT %(delivery_id)s, feed, partner, 'replay', delivery_id, 'delta', %(is_pilot)s, 1, file_date, as_of_date
FROM ops.delivery WHERE delivery_id = %(original)s
