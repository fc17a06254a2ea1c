-- Their rows are taken up once more: what becomes of them is told of the new replay.
UPDATE ops.incident i SET state = 'resolved', resolved_at = clock_timestamp()
FROM ops.delivery d
WHERE d.delivery_id = i.delivery_id AND d.replay_of = %(original)s AND i.kind = 'rejected' AND i.state = 'open'
