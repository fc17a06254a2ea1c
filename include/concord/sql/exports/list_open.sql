SELECT e.* FROM ops.export e JOIN ops.delivery d USING (delivery_id)
WHERE e.feed = %(feed)s AND e.state IN ('wanted', 'running', 'ready') AND d.state = 'discovered'
ORDER BY e.wanted_at, e.delivery_id
