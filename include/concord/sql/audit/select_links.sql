-- Every field as the text that was hashed (ops.audit_hash), so that nothing is lost on the way.
SELECT stream, seq, hash,
       ARRAY[stream, seq::text, audit_id::text, (extract(epoch FROM at) * 1000000)::bigint::text, actor, db_role, action,
             object, item_count::text, purpose, detail::text] AS fields
FROM ops.audit ORDER BY stream, seq, audit_id
