"""``core.member``: who a person is at one partner; never ended, only changed."""

from __future__ import annotations

from concord.entities.base import Column, Entity, Kind, Phi

MEMBER = Entity(
    name="member",
    about="Demographics and identifiers of the persons a partner reported.",
    key=("subscriber_id", "person_code"),
    columns=(
        Column("subscriber_id", phi=Phi.INDIRECT, required=True, about="Subscriber's id at the partner (834 REF*0F)."),
        Column(
            "person_code",
            phi=Phi.INDIRECT,
            required=True,
            about="Tells the persons of a family apart; 01 is the subscriber.",
        ),
        Column("relationship_code", required=True, about="834 INS02: 18 self, 01 spouse, 19 child, ..."),
        Column("last_name", phi=Phi.DIRECT, required=True, about="834 NM103."),
        Column("first_name", phi=Phi.DIRECT, required=True, about="834 NM104."),
        Column("middle_name", phi=Phi.DIRECT, about="834 NM105."),
        Column("name_suffix", phi=Phi.DIRECT, about="834 NM107."),
        Column("birth_date", Kind.DATE, Phi.DIRECT, required=True, about="834 DMG02."),
        Column("gender_code", phi=Phi.INDIRECT, about="834 DMG03: F, M, U."),
        Column("birth_sequence", Kind.INTEGER, Phi.INDIRECT, about="834 INS17, for multiple births."),
        Column("ssn", phi=Phi.SECRET, about="Social security number: kept as token, ciphertext and last four."),
        Column("address_line_1", phi=Phi.DIRECT, about="834 N301."),
        Column("address_line_2", phi=Phi.DIRECT, about="834 N302."),
        Column("city", phi=Phi.DIRECT, about="834 N401."),
        Column("state_code", phi=Phi.INDIRECT, about="834 N402."),
        Column("postal_code", phi=Phi.DIRECT, about="834 N403."),
        Column("email", phi=Phi.DIRECT, about="834 PER*EM."),
        Column("phone", phi=Phi.DIRECT, about="834 PER*TE."),
        Column("hire_date", Kind.DATE, Phi.INDIRECT, about="834 DTP*336."),
        Column("confidentiality_code", about="834 INS13: R restricted access, U unrestricted."),
        Column("employment_status_code", phi=Phi.INDIRECT, about="834 INS08: FT, PT, RT, TE, ..."),
        Column("prior_subscriber_id", phi=Phi.INDIRECT, about="834 REF*Q4: the id that was used before."),
        Column("death_date", Kind.DATE, Phi.INDIRECT, about="834 INS12."),
    ),
)
