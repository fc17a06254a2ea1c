SELECT ops.request_reveal(%(actor)s, %(partner)s, %(subscriber_id)s, %(person_code)s, %(token)s, %(fields)s, %(purpose)s,
                          %(ticket)s) AS request
