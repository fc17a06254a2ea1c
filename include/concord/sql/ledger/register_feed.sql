INSERT INTO ops.lease (feed, partner) VALUES (%(feed)s, %(partner)s) ON CONFLICT (feed) DO NOTHING
