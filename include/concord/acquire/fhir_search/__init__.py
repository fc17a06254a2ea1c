"""FHIR searches, page by page: what is left where a server's bulk export is unusable.

``query.py`` what is asked for, and how it is put · ``client.py`` one search to its last
page, a group's members · ``searchset.py`` what a page says · ``spans.py`` a resource as its
server wrote it · ``notes.py`` which remarks of a server's are errors · ``refusals.py``
errors by remedy.

By FHIR R4 (search.html, http.html), over the same requests and tokens as
``acquire/fhir_bulk``. No ledger: the steps say whom to ask for, and keep what came.
"""
