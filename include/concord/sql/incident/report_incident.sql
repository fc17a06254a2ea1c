-- A cause that grew into another kind is told anew, and needs a new acknowledgement.
INSERT INTO ops.incident AS i (feed, delivery_id, kind, cause, severity, escalates_after, subject, text)
VALUES (%(feed)s, %(delivery_id)s, %(kind)s, %(cause)s, %(severity)s, %(escalates_after)s, %(subject)s, %(text)s)
ON CONFLICT (cause) WHERE state = 'open' DO UPDATE
SET times = i.times + 1, last_seen_at = clock_timestamp(), kind = EXCLUDED.kind, severity = EXCLUDED.severity,
    escalates_after = EXCLUDED.escalates_after, subject = EXCLUDED.subject, text = EXCLUDED.text,
    acked_at = CASE WHEN i.kind = EXCLUDED.kind THEN i.acked_at END,
    acked_by = CASE WHEN i.kind = EXCLUDED.kind THEN i.acked_by END
