SELECT entity, action, count(*) AS rows FROM ops.link_plan_row WHERE link_plan_id = %(plan_id)s GROUP BY entity, action
