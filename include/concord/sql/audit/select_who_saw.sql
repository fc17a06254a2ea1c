SELECT at, actor, db_role, object, purpose, detail
FROM ops.who_saw(%(partner)s, %(subscriber_id)s, %(person_code)s, %(tokens)s)
