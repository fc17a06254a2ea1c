SELECT count(*) AS members FROM fresh_token
