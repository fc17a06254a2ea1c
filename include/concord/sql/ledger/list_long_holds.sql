SELECT d.*, extract(epoch FROM clock_timestamp() - held.since) / 3600 AS hours
FROM ops.delivery d
JOIN LATERAL (SELECT min(at) AS since FROM ops.delivery_event e
              WHERE e.delivery_id = d.delivery_id AND e.to_state = 'held') held ON true
WHERE d.feed = %(feed)s AND d.state = 'held' AND held.since < clock_timestamp() - %(after)s::interval
