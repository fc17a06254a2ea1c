-- Landed, or its delivery came to an end before, and the server still keeps the job: the next one may need its place.
SELECT e.* FROM ops.export e JOIN ops.delivery d USING (delivery_id)
WHERE e.feed = %(feed)s AND (e.state = 'landed' OR (e.state IN ('wanted', 'running', 'ready') AND d.state <> 'discovered'))
ORDER BY e.wanted_at, e.delivery_id
