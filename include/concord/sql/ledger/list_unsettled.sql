-- A run settles within minutes; what is still applied after that lost its run.
SELECT delivery_id FROM ops.delivery
WHERE feed = %(feed)s AND state = 'applied' AND state_at < clock_timestamp() - %(after)s::interval
