SELECT EXISTS (SELECT FROM ops.outgoing
WHERE feed = %(feed)s AND state = 'due' AND content_sealed IS NOT NULL) AS waits
