SELECT max(file_sequence) AS last_sequence FROM ops.delivery
WHERE feed = %(feed)s AND state IN ('applied', 'published', 'declined', 'superseded', 'compared', 'duplicate')
