-- Tokens of numbers under the one key that counts for linking, for records whose own token is under another.
CREATE TEMP TABLE link_token (entity text, row_id bigint, token text, PRIMARY KEY (entity, row_id)) ON COMMIT DROP
