SELECT ops.reveal(%(request)s) AS held
