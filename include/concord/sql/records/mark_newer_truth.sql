-- What is held was updated later than what is stated: an older word never goes over a newer one.
UPDATE {stage} t SET disposition = 'ignored', reason = 'newer_truth'
FROM {core} h
WHERE t.disposition = 'consumed' AND t.entity = %(entity)s AND NOT t.deleted
  AND h.partner = %(partner)s AND h.resource_id = t.resource_id AND h.last_updated > t.last_updated
