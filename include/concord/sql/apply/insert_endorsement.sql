INSERT INTO ops.endorsement (delivery_id, digest, person, via, ticket, reason)
VALUES (%(delivery_id)s, %(digest)s, %(by)s, %(via)s, %(ticket)s, %(reason)s)
ON CONFLICT DO NOTHING
