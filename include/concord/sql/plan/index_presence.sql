CREATE INDEX ON refused_row ({key})
