SELECT ops.reveal_record(%(request)s) AS held
