INSERT INTO ops.link_plan (base_seq, sources_seq, rules_hash)
VALUES (%(base_seq)s, %(sources_seq)s, %(rules_hash)s)
RETURNING link_plan_id
