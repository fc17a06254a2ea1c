-- Quarantined rows: whom they show, as far as they can be read.
CREATE TEMP TABLE refused_row ON COMMIT DROP AS
SELECT {key}, birth_date, hints, ({key_incomplete}) AS is_incomplete
FROM {stage} WHERE disposition = 'quarantined'
