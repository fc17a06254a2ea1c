-- A span keeps its row_id through all its versions; only a new one gets a number.
WITH continued AS (
    INSERT INTO {core} (row_id, {columns}, content_hash, partner, feed, known_from)
    OVERRIDING SYSTEM VALUE
    SELECT c.row_id, {c_columns}, {row_hash}, %(partner)s, %(feed)s, %(known_at)s FROM {written} c WHERE c.row_id IS NOT NULL
    RETURNING 1
), added AS (
    INSERT INTO {core} ({columns}, content_hash, partner, feed, known_from)
    SELECT {c_columns}, {row_hash}, %(partner)s, %(feed)s, %(known_at)s FROM {written} c WHERE c.row_id IS NULL
    RETURNING 1
)
SELECT (SELECT count(*) FROM continued) + (SELECT count(*) FROM added) AS opened,
       (SELECT count(*) FROM {written}) AS planned
