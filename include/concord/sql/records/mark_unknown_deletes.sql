-- Deleted at the source, and never held, or gone already.
UPDATE {stage} t SET disposition = 'ignored', reason = 'unknown_key'
WHERE t.disposition = 'consumed' AND t.entity = %(entity)s AND t.deleted
  AND NOT EXISTS (SELECT FROM {core} h WHERE h.partner = %(partner)s AND h.resource_id = t.resource_id)
