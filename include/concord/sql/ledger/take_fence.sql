UPDATE ops.lease SET fence = fence + 1 WHERE feed = %(feed)s RETURNING fence
