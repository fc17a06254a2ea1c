-- What is said without being changed leaves no version: a later replay of something older has to find it.
INSERT INTO ops.stated_key (delivery_id, key)
SELECT DISTINCT %(delivery_id)s, ARRAY[{s_key}] FROM {stage} s
WHERE (s.disposition = 'consumed' OR (s.disposition = 'ignored' AND s.reason <> 'newer_truth'))
  AND NOT EXISTS (SELECT FROM ops.plan_row p
      WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.line = s.line AND p.part <> 'none')
