-- Whoever answered first has answered: a second answer finds the first.
INSERT INTO ops.link_decision (digest, link_plan_id, verdict, decided_by, via, ticket, reason)
VALUES (%(digest)s, %(plan_id)s, %(verdict)s, %(by)s, %(via)s, %(ticket)s, %(reason)s)
ON CONFLICT DO NOTHING
RETURNING verdict, decided_by
