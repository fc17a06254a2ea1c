-- One row, one span: the unique keys make the ordered inserts below a greedy one-to-one match.
CREATE TEMP TABLE pair (line bigint UNIQUE, row_id bigint UNIQUE) ON COMMIT DROP
