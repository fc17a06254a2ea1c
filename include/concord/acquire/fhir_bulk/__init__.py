"""FHIR Bulk Data: an export is asked for, waited for, and its files are fetched.

``access.py`` how a server is reached · ``smart.py`` how we prove who we are ·
``asking.py`` requests with a token · ``request.py`` what is asked for · ``client.py``
kick-off, poll, cancel, download · ``progress.py`` how far it is · ``manifest.py`` what was
made · ``files.py`` many files at once · ``ndjson.py`` whether a file is one, and its lines ·
``sinks.py`` where it goes · ``outcome.py`` what an OperationOutcome says · ``refusals.py``
errors by remedy.

By the Bulk Data Access IG (STU2, and what STU3 adds: pages of manifests) and SMART Backend
Services (SMART App Launch 2.2). No ledger and no Airflow: the steps keep the status URL.
"""
