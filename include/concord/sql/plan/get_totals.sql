SELECT count(*) AS rows_read,
       count(*) FILTER (WHERE s.disposition = 'quarantined') AS rejected,
       count(*) FILTER (WHERE s.refused AND ({s_key_incomplete})) AS unreadable,
       -- A date somewhere in broken bytes may be a birth date or any other: it keeps whom it fits, and names nobody.
       count(*) FILTER (WHERE s.refused AND s.subscriber_id IS NULL AND s.birth_date IS NULL AND NOT EXISTS (
           SELECT FROM unnest(s.hints) said WHERE said NOT LIKE '____-__-__')) AS nameless,
       count(*) FILTER (WHERE s.disposition IN ('consumed', 'duplicate')) AS usable,
       (SELECT count(*) FROM ops.plan_row WHERE plan_id = %(plan_id)s AND entity = %(entity)s AND retro) AS retro,
       (SELECT count(*) FROM ops.plan_row WHERE plan_id = %(plan_id)s AND entity = %(entity)s AND part = 'loss'
           AND inferred) AS omitted,
       (SELECT coalesce(sum((p.counts #>> '{{eligibility,losses}}')::bigint), 0)
        FROM ops.plan p JOIN ops.delivery d USING (delivery_id)
        WHERE d.feed = %(feed)s AND d.state IN ('applied', 'published') AND p.verdict IS NOT NULL
          AND d.as_of_date > %(as_of)s - 7 AND d.as_of_date <= %(as_of)s
          AND p.plan_id = (SELECT max(plan_id) FROM ops.plan n WHERE n.delivery_id = d.delivery_id)
       ) AS recent_losses
FROM {stage} s
