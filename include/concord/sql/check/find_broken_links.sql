SELECT DISTINCT stream || ':' || coalesce(seq::text, 'pending') AS id FROM ops.find_audit_flaws()
