INSERT INTO ops.incident AS i (feed, delivery_id, kind, cause, subject, text)
VALUES (%(feed)s, %(delivery_id)s, %(kind)s, %(cause)s, %(subject)s, %(text)s)
ON CONFLICT (cause) WHERE state = 'open' DO UPDATE
SET times = i.times + 1, last_seen_at = clock_timestamp(), text = EXCLUDED.text
RETURNING incident_id, times
