-- The rows that speak of coverage: those of members without any decide no span by themselves.
CREATE TEMP VIEW {view} AS SELECT * FROM {stage} WHERE refused OR coverage_line IS NOT NULL
