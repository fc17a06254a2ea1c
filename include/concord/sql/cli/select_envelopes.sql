SELECT level, control_number AS "number", version, usage, purpose, action, members, coverages,
       CASE WHEN is_rejected THEN 'rejected' WHEN cardinality(faults) > 0 THEN 'with faults' ELSE 'accepted' END AS verdict,
       faults
FROM ops.interchange WHERE delivery_id = %(delivery_id)s ORDER BY place
