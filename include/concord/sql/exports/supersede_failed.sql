-- What went wrong before with this group is made good: this one asked since the same time or an earlier one.
SELECT d.delivery_id FROM ops.export e JOIN ops.delivery d USING (delivery_id), ops.export this
WHERE this.delivery_id = %(delivery_id)s AND e.feed = this.feed AND e.group_id = this.group_id
  AND e.delivery_id <> this.delivery_id AND d.state IN ('failed', 'rejected') AND e.wanted_at < this.wanted_at
  AND (this.since IS NULL OR e.since >= this.since) AND this.types @> e.types
