-- No row means that a newer attempt took the fence: this one may not write.
SELECT feed, fence, state_seq, applied_delivery_id, seen_delivery_id FROM ops.lease
WHERE feed = %(feed)s AND fence = %(fence)s FOR UPDATE
