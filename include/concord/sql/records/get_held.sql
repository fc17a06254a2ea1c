-- Of an export of one group, what exports of that group brought; of anything else, all of the feed.
SELECT count(DISTINCT resource_id) AS held FROM {core}
WHERE partner = %(partner)s AND feed = %(feed)s AND (
    NOT EXISTS (SELECT FROM ops.export WHERE delivery_id = %(delivery_id)s)
    OR delivery_id IN (SELECT e.delivery_id FROM ops.export e JOIN ops.export this USING (feed, group_id)
                       WHERE this.delivery_id = %(delivery_id)s))
