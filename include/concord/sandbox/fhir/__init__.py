"""Stands in for the EHRs of Epic and Oracle Health: their bulk export, with faults, over people of the employers.

In the order of the work:

* :mod:`~concord.sandbox.fhir.subjects` who is a patient, and whom the employer knows
* :mod:`~concord.sandbox.fhir.demographics`, ``observations``, ``clinical``, ``directory`` their resources
* :mod:`~concord.sandbox.fhir.chart` what happens by the day; ``population`` all of it, and the truth
* :mod:`~concord.sandbox.fhir.profiles` how the makers differ; ``faults`` what can go wrong
* :mod:`~concord.sandbox.fhir.hospital` jobs and state; ``app`` the addresses; ``server`` runs them
"""
