-- What this group brought and nobody has come to an end with: a further export would bring the same again.
SELECT e.delivery_id FROM ops.export e JOIN ops.delivery d USING (delivery_id)
WHERE e.feed = %(feed)s AND e.group_id = %(group_id)s
  AND d.state IN ('landed', 'waiting', 'staged', 'planned', 'held', 'applied')
ORDER BY d.arrival LIMIT 1
