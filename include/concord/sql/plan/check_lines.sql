-- As sets: together the accounts are exactly 1..n, and no line stands in two of them.
SELECT coalesce(sum(line_total), 0) AS accounted,
       coalesce(range_agg(span), int8multirange()) =
           CASE WHEN %(line_count)s > 0 THEN int8multirange(int8range(1, %(line_count)s + 1)) ELSE int8multirange() END AS is_complete,
       coalesce(sum(line_total), 0) = %(line_count)s AS is_disjoint
FROM (SELECT line_total, NULL::int8range AS span FROM ops.line_account WHERE delivery_id = %(delivery_id)s
      UNION ALL
      SELECT 0, unnest(lines) FROM ops.line_account WHERE delivery_id = %(delivery_id)s) a
