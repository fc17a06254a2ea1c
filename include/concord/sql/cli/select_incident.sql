SELECT subject, text, state, opened_at, acked_by, acked_at, resolved_at FROM ops.incident WHERE incident_id = %(incident_id)s
