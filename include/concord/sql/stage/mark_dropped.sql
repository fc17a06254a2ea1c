UPDATE ops.stage_attempt SET dropped_at = clock_timestamp() WHERE stage_no = %(stage_no)s
