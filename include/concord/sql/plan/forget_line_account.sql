DELETE FROM ops.line_account WHERE delivery_id = %(delivery_id)s
  AND (disposition IN ('consumed', 'duplicate', 'quarantined') OR (disposition = 'ignored' AND reason = ANY (%(ours)s)))
