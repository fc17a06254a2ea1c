-- Of files that came lately: who begins to want answers is not told of years ago.
SELECT d.delivery_id, d.state FROM ops.delivery d CROSS JOIN unnest(%(kinds)s::text[]) AS wanted(kind)
LEFT JOIN ops.outgoing o ON o.delivery_id = d.delivery_id AND o.kind = wanted.kind AND o.about = d.state
WHERE d.feed = %(feed)s AND d.kind = 'delivery' AND d.state = ANY (%(states)s)
  AND d.state_at > clock_timestamp() - interval '7 days' AND o.outgoing_id IS NULL
GROUP BY d.delivery_id, d.state, d.arrival ORDER BY d.arrival
