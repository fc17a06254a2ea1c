SELECT stream, seq, hash FROM ops.audit_head ORDER BY stream
