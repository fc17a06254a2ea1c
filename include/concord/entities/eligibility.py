"""``core.eligibility``: one row is one coverage span of one member in one coverage line."""

from __future__ import annotations

from concord.entities.base import Column, Entity, Kind, Phi

ELIGIBILITY = Entity(
    name="eligibility",
    about="Coverage spans: who is covered, in which line, from when until when.",
    key=("subscriber_id", "person_code", "coverage_line"),
    start="effective_from",
    end="effective_to",
    scope=("group_id", "coverage_line"),
    columns=(
        Column("subscriber_id", phi=Phi.INDIRECT, required=True, about="Subscriber's id at the partner (834 REF*0F)."),
        Column(
            "person_code",
            phi=Phi.INDIRECT,
            required=True,
            about="Tells the persons of a family apart; 01 is the subscriber.",
        ),
        Column("coverage_line", required=True, about="Insurance line (834 HD03): HLT, DEN, VIS, PDG, ..."),
        Column("effective_from", Kind.DATE, Phi.INDIRECT, required=True, about="First day covered (834 DTP*348)."),
        Column(
            "effective_to",
            Kind.DATE,
            Phi.INDIRECT,
            about="First day no longer covered; null while open (834 DTP*349 plus one day).",
        ),
        Column("group_id", required=True, about="Group or policy number (834 REF*1L)."),
        Column("plan_code", about="Plan (834 HD04)."),
        Column("coverage_tier", about="Coverage level (834 HD05): EMP, ESP, ECH, FAM, ..."),
        Column("division_code", about="Division, location or department of the employer."),
        Column("benefit_status", about="834 INS05: A active, C COBRA, S surviving insured, T TEFRA."),
        Column(
            "maintenance_type_code",
            tracked=False,
            about="What the row that this version is from asked for: 834 HD01, or INS03 where there is no HD.",
        ),
        Column("maintenance_reason_code", phi=Phi.INDIRECT, tracked=False, about="And why: 834 INS04."),
    ),
)
