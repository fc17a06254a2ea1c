-- Whom an unreadable row might be: a subscriber's id or a date of birth it carries.
CREATE TEMP TABLE hint ON COMMIT DROP AS
SELECT subscriber_id, NULL::date AS birth_date FROM refused_row WHERE is_incomplete AND subscriber_id IS NOT NULL
UNION SELECT NULL, birth_date FROM refused_row WHERE is_incomplete AND birth_date IS NOT NULL
UNION SELECT unnest(hints), NULL FROM refused_row WHERE is_incomplete
