SELECT resource_id FROM core.patient WHERE partner = %(partner)s AND feed = ANY(%(feeds)s) ORDER BY resource_id
