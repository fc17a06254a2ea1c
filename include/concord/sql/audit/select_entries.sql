SELECT at, stream, seq, actor, db_role, action, object, item_count, purpose, detail
FROM ops.audit
WHERE (%(actor)s::text IS NULL OR actor = %(actor)s)
  AND (%(action)s::text IS NULL OR action = %(action)s)
  AND (%(object)s::text IS NULL OR object = %(object)s)
ORDER BY audit_id DESC LIMIT %(limit)s
