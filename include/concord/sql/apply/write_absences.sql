INSERT INTO ops.absence AS a (feed, entity, row_id, as_of_dates, delivery_ids, last_seen_delivery_id, last_seen_line)
SELECT %(feed)s, entity, held_row_id, ARRAY[%(as_of)s::date], ARRAY[%(delivery_id)s], evidence ->> 'last_seen_delivery',
       (evidence ->> 'last_seen_line')::bigint
FROM ops.plan_row WHERE plan_id = %(plan_id)s AND action = 'pending_end'
ON CONFLICT (feed, entity, row_id) DO UPDATE
SET as_of_dates = a.as_of_dates || EXCLUDED.as_of_dates, delivery_ids = a.delivery_ids || EXCLUDED.delivery_ids
WHERE NOT a.as_of_dates @> EXCLUDED.as_of_dates
