-- A version is in core or in its history, never in both.
CREATE TEMP TABLE fresh_token (entity text NOT NULL, row_id bigint NOT NULL, known_from timestamptz NOT NULL, ssn_token text NOT NULL)
ON COMMIT DROP
