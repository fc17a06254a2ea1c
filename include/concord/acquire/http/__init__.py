"""The ground that every HTTP way in stands on: one partner, asked over httpx, with its manners built in.

``urls.py`` where a partner may send us · ``addresses.py`` the addresses those names may
stand for, looked at as the connection is made · ``client.py`` requests with time-outs,
redirects followed by hand, nothing logged · ``answers.py`` what a status and its
``Retry-After`` mean · ``plaintext.py`` bodies: gzip undone, never more than a limit.

Nothing here puts a query, a header or a body into an error or a log: a call is named by
what it is for ("poll", "file 3 of Observation").
"""
