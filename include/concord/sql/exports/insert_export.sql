-- The delivery and the job that brings it, before the server hears of it.
WITH delivery AS (
    INSERT INTO ops.delivery (delivery_id, feed, partner, mode, is_pilot, attempt, file_date, as_of_date)
    VALUES (%(delivery_id)s, %(feed)s, %(partner)s, %(mode)s, %(is_pilot)s, 1, %(file_date)s, %(file_date)s)
    RETURNING delivery_id
)
INSERT INTO ops.export (delivery_id, feed, group_id, types, since)
SELECT delivery_id, %(feed)s, %(group_id)s, %(types)s, %(since)s FROM delivery
RETURNING delivery_id
