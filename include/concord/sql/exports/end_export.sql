UPDATE ops.export SET state = 'over', over_at = clock_timestamp(), over_reason = %(reason)s
WHERE delivery_id = %(delivery_id)s AND state <> 'over'
