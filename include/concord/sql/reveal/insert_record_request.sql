SELECT ops.request_reveal_record(%(actor)s, %(partner)s, %(entity)s, %(resource_id)s, %(token)s, %(purpose)s,
                                 %(ticket)s) AS request
