UPDATE ops.notice
SET told = told || (SELECT coalesce(jsonb_object_agg(channel, clock_timestamp()), '{{}}') FROM unnest(%(took)s::text[]) channel),
    told_at = CASE WHEN %(by_all)s THEN clock_timestamp() END
WHERE notice_id = %(notice_id)s
