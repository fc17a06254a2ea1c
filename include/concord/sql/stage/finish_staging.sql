UPDATE ops.stage_attempt
SET finished_at = clock_timestamp(), row_count = %(row_count)s, checksum = %(checksum)s,
    line_count = %(line_count)s, flags = %(flags)s
WHERE stage_no = %(stage_no)s
