"""A FHIR server's export, from the request to landing.

``asking.py`` · ``waiting.py`` · ``landing.py`` · ``ending.py`` · ``job.py`` what is known of one. Nothing is asked for
twice, and the server is told to forget a job only when all of it has landed, or when it is refused.
"""
