-- Before a delivery is staged its lines are not counted, and may be accounted for already.
SELECT l.delivery_id AS id FROM ops.line_account l JOIN ops.delivery d USING (delivery_id)
WHERE d.line_count IS NOT NULL AND NOT l.lines <@ int8range(1, greatest(d.line_count, 0) + 1)
