-- What the rules find. doubt: why a pair that a rule points at is no match; such a pair is never linked by it.
CREATE TEMP TABLE link_pair (
    patient_id bigint NOT NULL,
    member_id bigint NOT NULL,
    rule text NOT NULL,
    rank integer NOT NULL,
    doubt text
) ON COMMIT DROP
