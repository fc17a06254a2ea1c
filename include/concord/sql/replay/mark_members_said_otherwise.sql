-- Another row of the same file counted already, and says that the member is somebody else: as in one file
-- (see plan/mark_member_conflicts), nobody can tell which is right, and what counted stays.
WITH torn AS (
    SELECT DISTINCT {s_member_key} FROM {stage} s JOIN core.member h ON h.partner = %(partner)s AND {s_is_member}
    WHERE s.disposition = 'consumed' AND h.delivery_id = ANY (%(same)s) AND cardinality({member_changed}) > 0
)
UPDATE {stage} t SET disposition = 'quarantined', reason = 'member.conflict'
FROM torn WHERE {t_is_torn} AND t.disposition = 'consumed'
