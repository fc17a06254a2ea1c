-- Whom absence is judged among: declared, or applied before from this feed.
CREATE TEMP TABLE scope ON COMMIT DROP AS
SELECT group_id, coverage_line FROM ops.feed_scope WHERE feed = %(feed)s
UNION
SELECT g, l FROM unnest(%(groups)s::text[]) g CROSS JOIN unnest(%(lines)s::text[]) l
