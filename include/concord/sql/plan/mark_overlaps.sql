UPDATE {stage} t SET disposition = 'quarantined', reason = 'spans.overlap'
FROM overlapping o WHERE t.disposition = 'consumed' AND ARRAY[{t_key}] = o.key
