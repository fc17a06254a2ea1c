INSERT INTO ops.interchange (delivery_id, place, level, control_number, sender, receiver, version, usage, purpose, action,
                             reference, members, coverages, is_rejected, faults)
VALUES (%(delivery_id)s, %(place)s, %(level)s, %(control_number)s, %(sender)s, %(receiver)s, %(version)s, %(usage)s,
        %(purpose)s, %(action)s, %(reference)s, %(members)s, %(coverages)s, %(is_rejected)s, %(faults)s)
