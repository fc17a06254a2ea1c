SELECT l.delivery_id AS id FROM ops.line_account l JOIN ops.delivery d USING (delivery_id)
WHERE NOT l.lines <@ int8range(1, greatest(d.line_count, 0) + 1)
