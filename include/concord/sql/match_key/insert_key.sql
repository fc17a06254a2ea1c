INSERT INTO ops.match_key (partner, key_id) VALUES (%(partner)s, %(key_id)s) ON CONFLICT DO NOTHING
