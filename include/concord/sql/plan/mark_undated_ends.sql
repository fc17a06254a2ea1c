-- An end has to say when.
UPDATE {stage} SET disposition = 'quarantined', reason = 'end.no_date'
WHERE disposition = 'consumed' AND maintenance_action = 'end' AND effective_to IS NULL
