-- An end or a reinstatement that names its line and not its beginning is about the span of that line.
-- What a member without coverage says of the spans that are held (834: a 2000 loop without HD). INS03=024 ends them
-- all, in the group it names; INS03=025 takes the last end back; anything else touches none, and in a full file keeps
-- them: no HD does not mean no coverage. A span that is decided here has no row of its own (pair without a line).
WITH alone AS (
    SELECT DISTINCT ON ({s_member_key}, s.group_id, s.coverage_line) {s_member_key}, s.group_id, s.coverage_line, s.line, s.effective_from, s.effective_to,
           coalesce(s.maintenance_action, '') AS said
    FROM {whole} s WHERE s.disposition = 'consumed' AND (s.coverage_line IS NULL OR s.effective_from IS NULL)
    ORDER BY {s_member_key}, s.group_id, s.coverage_line, s.line
), touched AS (
    SELECT h.*, a.line AS said_line, a.said, a.effective_to AS leaves_on,
           max(coalesce(h.effective_to, 'infinity')) OVER (PARTITION BY {h_member_key}, a.coverage_line) AS last_end,
           (h.group_id, h.coverage_line) IN (SELECT group_id, coverage_line FROM scope) AS is_in_scope,
           row_number() OVER (PARTITION BY h.row_id ORDER BY a.coverage_line NULLS LAST, a.group_id NULLS LAST, a.line) AS place
    FROM alone a JOIN {core} h ON h.partner = %(partner)s AND h.feed = %(feed)s AND {a_is_h}
        AND (a.group_id IS NULL OR a.group_id = h.group_id)
        AND (a.coverage_line IS NULL OR a.coverage_line = h.coverage_line)
    WHERE NOT EXISTS (SELECT FROM pair WHERE pair.row_id = h.row_id)
      AND NOT EXISTS (SELECT FROM {stage} o WHERE o.disposition = 'consumed' AND {o_is_h} AND o.effective_from = h.effective_from)
      AND h.delivery_id <> ALL (%(newer)s::text[])
), decided AS (
    SELECT t.*, CASE
        WHEN said = 'end' AND leaves_on < coalesce(effective_to, 'infinity') THEN
            CASE WHEN leaves_on <= effective_from THEN 'void' WHEN effective_to IS NULL THEN 'end' ELSE 'correct_end' END
        WHEN said = 'reinstate' AND effective_to = last_end AND last_end < 'infinity' THEN 'reinstate'
        WHEN %(is_full)s AND is_in_scope AND (effective_to IS NULL OR effective_from > %(as_of)s) THEN 'keep'
        END AS action
    FROM touched t WHERE place = 1
), written AS (
    INSERT INTO ops.plan_row (plan_id, entity, action, part, key, scope, held_row_id, from_before, to_before, from_after,
                              to_after, inferred, retro, content_hash, reason, evidence)
    SELECT %(plan_id)s, %(entity)s, h.action,
           CASE h.action WHEN 'keep' THEN 'none' WHEN 'reinstate' THEN 'grant' ELSE 'loss' END,
           ARRAY[{h_key}], ARRAY[{h_scope}], h.row_id, h.effective_from, h.effective_to,
           CASE WHEN h.action IN ('end', 'correct_end', 'reinstate') THEN h.effective_from END,
           CASE WHEN h.action IN ('end', 'correct_end') THEN h.leaves_on END,
           false, CASE h.action WHEN 'void' THEN h.effective_from < %(retro_bound)s
                  WHEN 'end' THEN h.leaves_on < %(retro_bound)s WHEN 'correct_end' THEN h.leaves_on < %(retro_bound)s
                  ELSE false END,
           h.content_hash,
           CASE h.action WHEN 'keep' THEN 'present_without_coverage' WHEN 'reinstate' THEN 'member_reinstated'
                ELSE 'member_ended' END,
           CASE WHEN h.action <> 'keep' THEN jsonb_build_object('rule',
                CASE h.action WHEN 'reinstate' THEN 'member_reinstated' ELSE 'member_ended' END,
                'delivery', %(delivery_id)s::text, 'line', h.said_line) END
    FROM decided h WHERE h.action IS NOT NULL
    RETURNING held_row_id
)
INSERT INTO pair (line, row_id) SELECT NULL, held_row_id FROM written
