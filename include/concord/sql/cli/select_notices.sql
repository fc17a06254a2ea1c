SELECT event, severity, level, created_at, told FROM ops.notice WHERE incident_id = %(incident_id)s ORDER BY notice_id
