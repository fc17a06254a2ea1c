-- Newest first. The server's addresses are sealed and have no place in a list.
SELECT e.delivery_id, e.feed, e.group_id, e.state AS job, d.state AS delivery, e.since, e.transaction_time, e.polls,
       e.progress, clock_timestamp() - e.wanted_at AS age,
       (SELECT count(*) FROM ops.export_file f WHERE f.delivery_id = e.delivery_id) AS files,
       coalesce(d.state_reason, '') AS why
FROM ops.export e JOIN ops.delivery d USING (delivery_id)
WHERE %(feed)s::text IS NULL OR e.feed = %(feed)s
ORDER BY e.wanted_at DESC, e.delivery_id
LIMIT %(limit)s
