-- The rows that say which span they mean. Members without coverage, and ends that do not say what began when, are
-- decided by what is held (see decide_alone).
CREATE TEMP VIEW {view} AS
SELECT * FROM {stage} WHERE refused OR (coverage_line IS NOT NULL AND effective_from IS NOT NULL)
