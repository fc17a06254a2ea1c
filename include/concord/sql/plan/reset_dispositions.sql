-- A plan may be computed again: begin from what reading found.
UPDATE {stage}
SET disposition = CASE WHEN refused THEN 'quarantined' ELSE 'consumed' END, reason = NULL
WHERE disposition <> CASE WHEN refused THEN 'quarantined' ELSE 'consumed' END OR reason IS NOT NULL
