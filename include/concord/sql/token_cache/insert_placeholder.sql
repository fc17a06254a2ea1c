-- A row that is not there cannot be held; a second one to insert it waits here for the first to commit.
INSERT INTO ops.access_token (conn_id) VALUES (%(conn_id)s) ON CONFLICT (conn_id) DO NOTHING
