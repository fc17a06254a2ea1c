-- Whom an unreadable row might be: a subscriber's id or a date of birth it carries, also in bytes that are no fields.
CREATE TEMP TABLE hint ON COMMIT DROP AS
SELECT subscriber_id, NULL::date AS birth_date FROM refused_row WHERE is_incomplete AND subscriber_id IS NOT NULL
UNION SELECT NULL, birth_date FROM refused_row WHERE is_incomplete AND birth_date IS NOT NULL
UNION SELECT said, NULL FROM refused_row CROSS JOIN unnest(hints) said WHERE is_incomplete AND said NOT LIKE '____-__-__'
UNION SELECT NULL, said::date FROM refused_row CROSS JOIN unnest(hints) said WHERE is_incomplete AND said LIKE '____-__-__'
