CREATE TEMP TABLE unheard (
    delivery_id text, subscriber_id text, person_code text, coverage_line text, birth_date date, hints text[]
) ON COMMIT DROP
