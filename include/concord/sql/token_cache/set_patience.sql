-- Others wait while one asks the partner, and that one is idle in its transaction meanwhile.
SELECT set_config('lock_timeout', %(patience_ms)s, true),
    set_config('idle_in_transaction_session_timeout', %(patience_ms)s, true)
