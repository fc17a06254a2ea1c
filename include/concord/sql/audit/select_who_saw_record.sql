SELECT at, actor, db_role, purpose, detail
FROM ops.who_saw_record(%(partner)s, %(entity)s, %(resource_id)s, %(tokens)s)
