-- Whoever answered first has answered: a second answer finds the first.
INSERT INTO ops.decision (delivery_id, plan_id, digest, verdict, decided_by, via, ticket, reason)
VALUES (%(delivery_id)s, %(plan_id)s, %(digest)s, %(verdict)s, %(by)s, %(via)s, %(ticket)s, %(reason)s)
ON CONFLICT DO NOTHING
