INSERT INTO ops.line_account (delivery_id, part, disposition, reason, lines, line_total)
SELECT %(delivery_id)s, 0, %(disposition)s, %(reason)s, range_agg(int8range(first, first + count)), sum(count)
FROM unnest(%(firsts)s::bigint[], %(counts)s::bigint[]) AS l(first, count)
