-- What analysts see of persons, of their clinical records, and of the exports that brought them.
--
-- As the marts before: with their owner's rights, of the caller's partners only, without direct identifiers. Nor is
-- there free text in them (a name may stand in any sentence): no column called _text, and no _name of whoever treats.
-- A person who is known to several partners shows of each only what a partner in the caller's scope has said.

-- ── whom the caller may see ─────────────────────────────────────────────────
CREATE VIEW ops.analyst_sight AS
SELECT (SELECT has_table_privilege(session_user, 'core.patient'::regclass, 'SELECT'))
           OR EXISTS (SELECT FROM ops.analyst_scope s WHERE s.login = session_user AND s.partner = '*') AS sees_all,
       ARRAY(SELECT s.partner FROM ops.analyst_scope s WHERE s.login = session_user) AS partners;
COMMENT ON VIEW ops.analyst_sight IS 'One row: whose members and patients the session sees in the marts.';
COMMENT ON COLUMN ops.analyst_sight.sees_all IS 'Everybody''s; so does whoever may read core itself.';
COMMENT ON COLUMN ops.analyst_sight.partners IS 'Whose, where it does not see everybody''s.';

CREATE VIEW core.seen_link AS
SELECT x.partner, x.entity, x.key, x.person_id, x.rule, x.since, x.known_from
FROM core.crosswalk x CROSS JOIN ops.analyst_sight s WHERE s.sees_all OR x.partner = ANY (s.partners);
COMMENT ON VIEW core.seen_link IS 'core.crosswalk, as far as the session may see it.';

-- From a record to its person, and from a person to the records: both ways are joins on these.
CREATE INDEX crosswalk_subject ON core.crosswalk (partner, ('Patient/' || key[1])) WHERE entity = 'patient';
-- Few observations are of these codes; the others need not be in it.
CREATE INDEX observation_measure ON core.observation (code, partner, subject_reference)
    WHERE code IN ('4548-4', '17855-8', '29463-7', '85354-9', '55284-4', '8480-6', '8462-4');

-- Members come first, of equals the record that was heard of last. A birth of which only the year was said still has
-- its year, but a whole date is better.
CREATE VIEW core.seen_person AS
WITH record AS (
    SELECT l.person_id, l.partner, true AS is_member, m.birth_date, true AS is_whole, m.gender_code, m.state_code,
           false AS deceased, m.known_from
    FROM core.seen_link l
    JOIN core.member m ON m.partner = l.partner AND m.subscriber_id = l.key[1] AND m.person_code = l.key[2]
    WHERE l.entity = 'member'
    UNION ALL
    SELECT l.person_id, l.partner, false, p.birth_date, coalesce(p.birth_precision, 'day') IN ('day', 'time'),
           p.gender_code, p.state_code, coalesce(p.deceased, false), p.known_from
    FROM core.seen_link l
    JOIN core.patient p ON p.partner = l.partner AND p.resource_id = l.key[1]
    WHERE l.entity = 'patient'
)
SELECT person_id,
       (array_agg(birth_date ORDER BY is_member DESC, is_whole DESC, known_from DESC, partner)
           FILTER (WHERE birth_date IS NOT NULL))[1] AS birth_date,
       coalesce((array_agg(gender_code ORDER BY is_member DESC, known_from DESC, partner)
           FILTER (WHERE gender_code <> 'U'))[1], min(gender_code)) AS gender_code,
       (array_agg(state_code ORDER BY is_member DESC, known_from DESC, partner)
           FILTER (WHERE state_code IS NOT NULL))[1] AS state_code,
       bool_or(deceased) AS deceased,
       count(*) FILTER (WHERE is_member) AS members,
       count(*) FILTER (WHERE NOT is_member) AS patients,
       coalesce(array_agg(DISTINCT partner) FILTER (WHERE is_member), '{}') AS member_partners,
       coalesce(array_agg(DISTINCT partner) FILTER (WHERE NOT is_member), '{}') AS patient_partners
FROM record GROUP BY person_id;
COMMENT ON VIEW core.seen_person IS 'Every person who is a member or a patient of a partner in the session''s scope.';

CREATE VIEW core.seen_coverage AS
SELECT l.person_id, array_agg(DISTINCT e.coverage_line) AS coverage_lines,
       coalesce(array_agg(DISTINCT e.plan_code) FILTER (WHERE e.plan_code IS NOT NULL), '{}') AS plan_codes,
       min(e.effective_from) AS covered_from
FROM core.seen_link l
JOIN core.eligibility e ON e.partner = l.partner AND e.subscriber_id = l.key[1] AND e.person_code = l.key[2]
WHERE l.entity = 'member' AND e.effective_from <= current_date AND (e.effective_to IS NULL OR e.effective_to > current_date)
GROUP BY l.person_id;
COMMENT ON VIEW core.seen_coverage IS 'What covers each person today.';

-- ── the last measurements ───────────────────────────────────────────────────
-- Only what is final, amended or corrected counts (http://hl7.org/fhir/R4/valueset-observation-status.html), only with
-- a value in the unit of its kind, and only with a time: when it was measured, else when it was issued.
CREATE VIEW core.seen_measure AS
SELECT l.person_id, o.row_id, o.partner, o.resource_id, o.component, o.code, o.normal_number, o.normal_unit, o.value_comparator,
       coalesce(o.effective_at, o.issued_at) AS measured_at,
       CASE WHEN o.effective_at IS NULL THEN o.issued_precision ELSE o.effective_precision END AS measured_precision,
       o.issued_at, o.last_updated
FROM core.seen_link l
JOIN core.observation o ON o.partner = l.partner AND o.subject_reference = 'Patient/' || l.key[1]
WHERE l.entity = 'patient' AND o.code_system = 'http://loinc.org' AND o.status IN ('final', 'amended', 'corrected')
  AND (o.effective_at IS NOT NULL OR o.issued_at IS NOT NULL);
COMMENT ON VIEW core.seen_measure IS 'Usable observations in LOINC, with the person they are of.';

CREATE VIEW core.last_hba1c AS
SELECT DISTINCT ON (person_id) person_id, partner, resource_id, normal_number AS percent, value_comparator, measured_at,
       measured_precision
FROM core.seen_measure
WHERE code IN ('4548-4', '17855-8') AND normal_number IS NOT NULL AND normal_unit = '%'
ORDER BY person_id, measured_at DESC, issued_at DESC NULLS LAST, last_updated DESC NULLS LAST, row_id DESC;
COMMENT ON VIEW core.last_hba1c IS 'LOINC 4548-4 and 17855-8 (calculated), in per cent; IFCC units (mmol/mol) have codes of their own.';

CREATE VIEW core.last_weight AS
SELECT DISTINCT ON (person_id) person_id, partner, resource_id, normal_number AS kg, value_comparator, measured_at,
       measured_precision
FROM core.seen_measure
WHERE code = '29463-7' AND normal_number IS NOT NULL AND normal_unit = 'kg'
ORDER BY person_id, measured_at DESC, issued_at DESC NULLS LAST, last_updated DESC NULLS LAST, row_id DESC;
COMMENT ON VIEW core.last_weight IS 'LOINC 29463-7, in kilograms whatever the scale showed.';

-- Both values of one reading: the systolic of one day and the diastolic of another are no blood pressure.
CREATE VIEW core.last_blood_pressure AS
WITH reading AS (
    SELECT person_id, partner, resource_id,
           max(normal_number) FILTER (WHERE code = '8480-6' AND normal_unit = 'mm[Hg]') AS systolic,
           max(normal_number) FILTER (WHERE code = '8462-4' AND normal_unit = 'mm[Hg]') AS diastolic,
           bool_or(code IN ('85354-9', '55284-4') AND component = '') AS is_panel,
           max(measured_at) AS measured_at, min(measured_precision) AS measured_precision, max(issued_at) AS issued_at,
           max(last_updated) AS last_updated, min(row_id) AS row_id
    FROM core.seen_measure WHERE code IN ('85354-9', '55284-4', '8480-6', '8462-4')
    GROUP BY person_id, partner, resource_id
)
SELECT DISTINCT ON (person_id) person_id, partner, resource_id, systolic, diastolic, measured_at, measured_precision
FROM reading WHERE is_panel AND systolic IS NOT NULL AND diastolic IS NOT NULL
ORDER BY person_id, measured_at DESC, issued_at DESC NULLS LAST, last_updated DESC NULLS LAST, row_id DESC;
COMMENT ON VIEW core.last_blood_pressure IS
    'LOINC 85354-9 (and 55284-4, its forerunner): components 8480-6 and 8462-4 of one observation, in mm[Hg].';

-- ── persons ─────────────────────────────────────────────────────────────────
-- The bands end where quality measures do: 18 to 75 (HbA1c), 18 to 85 (blood pressure).
CREATE VIEW mart.care_gap_inputs WITH (security_barrier) AS
SELECT p.person_id,
       CASE WHEN aged.years < 18 THEN '0-17' WHEN aged.years < 40 THEN '18-39' WHEN aged.years < 65 THEN '40-64'
            WHEN aged.years < 76 THEN '65-75' WHEN aged.years < 86 THEN '76-85' WHEN aged.years >= 86 THEN '86+' END AS age_band,
       p.gender_code, p.deceased, c.person_id IS NOT NULL AS covered,
       a.percent AS hba1c_percent, a.value_comparator AS hba1c_comparator, a.measured_at AS hba1c_at,
       a.measured_precision AS hba1c_precision, a.partner AS hba1c_partner, a.resource_id AS hba1c_resource_id,
       b.systolic AS systolic_mm_hg, b.diastolic AS diastolic_mm_hg, b.measured_at AS blood_pressure_at,
       b.measured_precision AS blood_pressure_precision, b.partner AS blood_pressure_partner,
       b.resource_id AS blood_pressure_resource_id,
       w.kg AS weight_kg, w.measured_at AS weight_at, w.measured_precision AS weight_precision,
       w.partner AS weight_partner, w.resource_id AS weight_resource_id
FROM core.seen_person p
CROSS JOIN LATERAL (SELECT extract(year FROM age(current_date, p.birth_date))::integer) AS aged (years)
LEFT JOIN core.seen_coverage c ON c.person_id = p.person_id
LEFT JOIN core.last_hba1c a ON a.person_id = p.person_id
LEFT JOIN core.last_blood_pressure b ON b.person_id = p.person_id
LEFT JOIN core.last_weight w ON w.person_id = p.person_id;
COMMENT ON VIEW mart.care_gap_inputs IS 'The last HbA1c, blood pressure and body weight of each person: what care gaps are computed from.';
COMMENT ON COLUMN mart.care_gap_inputs.person_id IS 'Random, never changes; mart.person_record says which member and which patients it is.';
COMMENT ON COLUMN mart.care_gap_inputs.age_band IS 'Full years today, within bounds; null where no birth is known.';
COMMENT ON COLUMN mart.care_gap_inputs.gender_code IS 'F, M, U; what a member''s record says before what a patient''s does.';
COMMENT ON COLUMN mart.care_gap_inputs.deceased IS 'A health system knows of their death: no care is due.';
COMMENT ON COLUMN mart.care_gap_inputs.covered IS 'Covered today, by whatever line, by a partner in the caller''s scope.';
COMMENT ON COLUMN mart.care_gap_inputs.hba1c_percent IS 'LOINC 4548-4 or 17855-8, final, amended or corrected, in per cent; the last one.';
COMMENT ON COLUMN mart.care_gap_inputs.hba1c_comparator IS '<, <=, >=, > where the device could not tell more than that; null: equal.';
COMMENT ON COLUMN mart.care_gap_inputs.hba1c_at IS 'When it was measured, else issued; see hba1c_precision.';
COMMENT ON COLUMN mart.care_gap_inputs.hba1c_precision IS 'How much of the time was said: year, month, day, time.';
COMMENT ON COLUMN mart.care_gap_inputs.hba1c_partner IS 'The health system it comes from.';
COMMENT ON COLUMN mart.care_gap_inputs.hba1c_resource_id IS 'The observation''s id there.';
COMMENT ON COLUMN mart.care_gap_inputs.systolic_mm_hg IS 'LOINC 8480-6 of the last blood pressure that has both values.';
COMMENT ON COLUMN mart.care_gap_inputs.diastolic_mm_hg IS 'LOINC 8462-4 of the same observation.';
COMMENT ON COLUMN mart.care_gap_inputs.blood_pressure_at IS 'When it was measured, else issued; see blood_pressure_precision.';
COMMENT ON COLUMN mart.care_gap_inputs.blood_pressure_precision IS 'How much of the time was said: year, month, day, time.';
COMMENT ON COLUMN mart.care_gap_inputs.blood_pressure_partner IS 'The health system it comes from.';
COMMENT ON COLUMN mart.care_gap_inputs.blood_pressure_resource_id IS 'The observation''s id there.';
COMMENT ON COLUMN mart.care_gap_inputs.weight_kg IS 'LOINC 29463-7, in kilograms whatever unit it was written in; the last one.';
COMMENT ON COLUMN mart.care_gap_inputs.weight_at IS 'When it was measured, else issued; see weight_precision.';
COMMENT ON COLUMN mart.care_gap_inputs.weight_precision IS 'How much of the time was said: year, month, day, time.';
COMMENT ON COLUMN mart.care_gap_inputs.weight_partner IS 'The health system it comes from.';
COMMENT ON COLUMN mart.care_gap_inputs.weight_resource_id IS 'The observation''s id there.';

CREATE VIEW mart.person_summary WITH (security_barrier) AS
WITH visit AS (
    SELECT DISTINCT ON (l.person_id) l.person_id, e.started_at, e.started_precision, e.class_code, e.class_display, e.partner
    FROM core.seen_link l
    JOIN core.encounter e ON e.partner = l.partner AND e.subject_reference = 'Patient/' || l.key[1]
    WHERE l.entity = 'patient' AND e.started_at IS NOT NULL
      AND coalesce(e.status, '') NOT IN ('planned', 'cancelled', 'entered-in-error')
    ORDER BY l.person_id, e.started_at DESC, e.last_updated DESC NULLS LAST, e.row_id DESC
), problem AS (
    SELECT l.person_id, count(DISTINCT coalesce(c.code_system || '|' || c.code, c.partner || '|' || c.resource_id)) AS active
    FROM core.seen_link l
    JOIN core.condition c ON c.partner = l.partner AND c.subject_reference = 'Patient/' || l.key[1]
    WHERE l.entity = 'patient' AND c.clinical_status IN ('active', 'recurrence', 'relapse')
      AND coalesce(c.verification_status, '') NOT IN ('refuted', 'entered-in-error')
    GROUP BY l.person_id
), drug AS (
    SELECT l.person_id, count(DISTINCT coalesce(m.code_system || '|' || m.code, m.partner || '|' || m.resource_id)) AS active
    FROM core.seen_link l
    JOIN core.medication_request m ON m.partner = l.partner AND m.subject_reference = 'Patient/' || l.key[1]
    WHERE l.entity = 'patient' AND m.status = 'active' AND m.do_not_perform IS NOT TRUE
      AND coalesce(m.intent, '') NOT IN ('proposal', 'plan', 'option')
    GROUP BY l.person_id
)
SELECT p.person_id, extract(year FROM p.birth_date)::integer AS birth_year, p.gender_code, p.state_code, p.deceased,
       p.members, p.patients, p.member_partners, p.patient_partners,
       c.person_id IS NOT NULL AS covered, coalesce(c.coverage_lines, '{}') AS coverage_lines,
       coalesce(c.plan_codes, '{}') AS plan_codes, c.covered_from,
       v.started_at AS last_encounter_at, v.started_precision AS last_encounter_precision,
       v.class_code AS last_encounter_class_code, v.class_display AS last_encounter_class_display,
       v.partner AS last_encounter_partner,
       coalesce(d.active, 0) AS active_conditions, coalesce(m.active, 0) AS active_medications,
       a.percent AS hba1c_percent, a.measured_at AS hba1c_at,
       b.systolic AS systolic_mm_hg, b.diastolic AS diastolic_mm_hg, b.measured_at AS blood_pressure_at,
       w.kg AS weight_kg, w.measured_at AS weight_at
FROM core.seen_person p
LEFT JOIN core.seen_coverage c ON c.person_id = p.person_id
LEFT JOIN visit v ON v.person_id = p.person_id
LEFT JOIN problem d ON d.person_id = p.person_id
LEFT JOIN drug m ON m.person_id = p.person_id
LEFT JOIN core.last_hba1c a ON a.person_id = p.person_id
LEFT JOIN core.last_blood_pressure b ON b.person_id = p.person_id
LEFT JOIN core.last_weight w ON w.person_id = p.person_id;
COMMENT ON VIEW mart.person_summary IS 'Every person once: member, patient or both, with coverage today and the last clinical facts.';
COMMENT ON COLUMN mart.person_summary.person_id IS 'Random, never changes; mart.person_record says which member and which patients it is.';
COMMENT ON COLUMN mart.person_summary.birth_year IS 'Year of birth only: the date is a direct identifier.';
COMMENT ON COLUMN mart.person_summary.gender_code IS 'F, M, U; what a member''s record says before what a patient''s does.';
COMMENT ON COLUMN mart.person_summary.state_code IS 'State of residence; what a member''s record says before what a patient''s does.';
COMMENT ON COLUMN mart.person_summary.deceased IS 'A health system knows of their death.';
COMMENT ON COLUMN mart.person_summary.members IS 'Members that this person is, covered or not.';
COMMENT ON COLUMN mart.person_summary.patients IS 'Patient records of this person, those that were merged into others as well.';
COMMENT ON COLUMN mart.person_summary.member_partners IS 'Who reports the person as a member.';
COMMENT ON COLUMN mart.person_summary.patient_partners IS 'Health systems whose patient the person is.';
COMMENT ON COLUMN mart.person_summary.covered IS 'Covered today, by whatever line, by a partner in the caller''s scope.';
COMMENT ON COLUMN mart.person_summary.coverage_lines IS 'Of today, 834 HD03: HLT medical, DEN dental, VIS vision, PDG drugs.';
COMMENT ON COLUMN mart.person_summary.plan_codes IS 'Plans of today.';
COMMENT ON COLUMN mart.person_summary.covered_from IS 'First day of the oldest span of those that cover today.';
COMMENT ON COLUMN mart.person_summary.last_encounter_at IS 'When the last visit or stay began that was not cancelled, only planned, or a mistake.';
COMMENT ON COLUMN mart.person_summary.last_encounter_precision IS 'How much of that was said: year, month, day, time.';
COMMENT ON COLUMN mart.person_summary.last_encounter_class_code IS 'HL7 ActCode: AMB ambulatory, IMP inpatient, EMER emergency, ...';
COMMENT ON COLUMN mart.person_summary.last_encounter_class_display IS 'The code system''s words for the class.';
COMMENT ON COLUMN mart.person_summary.last_encounter_partner IS 'The health system it was at.';
COMMENT ON COLUMN mart.person_summary.active_conditions IS 'Different problems and diagnoses that are active, recurring or in relapse, and not refuted or a mistake.';
COMMENT ON COLUMN mart.person_summary.active_medications IS 'Different drugs of active orders.';
COMMENT ON COLUMN mart.person_summary.hba1c_percent IS 'The last HbA1c; mart.care_gap_inputs says more.';
COMMENT ON COLUMN mart.person_summary.hba1c_at IS 'When it was measured, else issued.';
COMMENT ON COLUMN mart.person_summary.systolic_mm_hg IS 'Of the last blood pressure that has both values.';
COMMENT ON COLUMN mart.person_summary.diastolic_mm_hg IS 'Of the same reading.';
COMMENT ON COLUMN mart.person_summary.blood_pressure_at IS 'When it was measured, else issued.';
COMMENT ON COLUMN mart.person_summary.weight_kg IS 'The last body weight, in kilograms.';
COMMENT ON COLUMN mart.person_summary.weight_at IS 'When it was measured, else issued.';

-- Of two things, so that nobody may try to update it: what it is made of is read only.
CREATE VIEW mart.person_record WITH (security_barrier) AS
SELECT l.person_id, l.entity, l.partner, CASE WHEN l.entity = 'member' THEN l.key[1] END AS subscriber_id,
       CASE WHEN l.entity = 'member' THEN l.key[2] END AS person_code,
       CASE WHEN l.entity = 'patient' THEN l.key[1] END AS resource_id, l.rule, l.since, l.known_from
FROM core.seen_link l CROSS JOIN (VALUES (1)) AS one (row);
COMMENT ON VIEW mart.person_record IS 'Which members and which patients each person is, and by which rule that is known.';
COMMENT ON COLUMN mart.person_record.person_id IS 'Random, never changes.';
COMMENT ON COLUMN mart.person_record.entity IS 'member or patient.';
COMMENT ON COLUMN mart.person_record.partner IS 'Who reports the record.';
COMMENT ON COLUMN mart.person_record.subscriber_id IS 'Of a member: as in mart.eligible_member.';
COMMENT ON COLUMN mart.person_record.person_code IS 'Of a member: as in mart.eligible_member.';
COMMENT ON COLUMN mart.person_record.resource_id IS 'Of a patient: as in mart.patient.';
COMMENT ON COLUMN mart.person_record.rule IS 'own: nobody else; identifier, ssn, name: by what it was matched; merged: as its survivor; '
    'rekey: as its prior key; decided: by a person.';
COMMENT ON COLUMN mart.person_record.since IS 'Since when it is this person, by whatever rule.';
COMMENT ON COLUMN mart.person_record.known_from IS 'Since when this is believed.';

-- ── clinical records ────────────────────────────────────────────────────────
CREATE VIEW mart.patient WITH (security_barrier) AS
SELECT r.partner, r.resource_id, x.person_id, r.active, extract(year FROM r.birth_date)::integer AS birth_year,
       r.gender_code, r.birth_sex, r.race_code, r.ethnicity_code, r.marital_status, r.language_code, r.state_code,
       r.deceased, r.deceased_at, r.deceased_precision, r.replaced_by_reference, r.managing_organization_reference,
       r.member_identifier IS NOT NULL AS has_member_identifier, r.ssn_token IS NOT NULL AS has_ssn,
       r.last_updated, r.delivery_id, r.line, r.known_from
FROM core.patient r CROSS JOIN ops.analyst_sight s
-- The key as a whole leads from a patient to the person, its element from a person to the patients.
LEFT JOIN core.crosswalk x ON x.partner = r.partner AND x.entity = 'patient' AND x.key = ARRAY[r.resource_id]
                          AND x.key[1] = r.resource_id
WHERE s.sees_all OR r.partner = ANY (s.partners);
COMMENT ON VIEW mart.patient IS 'Patients as their health systems know them, without what names them.';
COMMENT ON COLUMN mart.patient.resource_id IS 'The patient''s id at the health system.';
COMMENT ON COLUMN mart.patient.person_id IS 'Who it is; null until the next links are applied.';
COMMENT ON COLUMN mart.patient.active IS 'Patient.active.';
COMMENT ON COLUMN mart.patient.birth_year IS 'Year of birth only: the date is a direct identifier.';
COMMENT ON COLUMN mart.patient.gender_code IS 'F, M, U.';
COMMENT ON COLUMN mart.patient.birth_sex IS 'Extension us-core-birthsex.';
COMMENT ON COLUMN mart.patient.race_code IS 'Extension us-core-race, ombCategory (several: blank between them).';
COMMENT ON COLUMN mart.patient.ethnicity_code IS 'Extension us-core-ethnicity, ombCategory.';
COMMENT ON COLUMN mart.patient.marital_status IS 'Patient.maritalStatus, code.';
COMMENT ON COLUMN mart.patient.language_code IS 'Patient.communication.language, the preferred or first.';
COMMENT ON COLUMN mart.patient.state_code IS 'State of residence.';
COMMENT ON COLUMN mart.patient.deceased IS 'Patient.deceased[x]; a date of death says true.';
COMMENT ON COLUMN mart.patient.deceased_at IS 'Patient.deceasedDateTime.';
COMMENT ON COLUMN mart.patient.deceased_precision IS 'How much of it was said: year, month, day, time.';
COMMENT ON COLUMN mart.patient.replaced_by_reference IS 'The record that this one was merged into, as Patient/id.';
COMMENT ON COLUMN mart.patient.managing_organization_reference IS 'Patient.managingOrganization, as Type/id.';
COMMENT ON COLUMN mart.patient.has_member_identifier IS 'Whether the record carries an insurer''s number, of whichever insurer.';
COMMENT ON COLUMN mart.patient.has_ssn IS 'Whether the record carries a social security number that is not a placeholder.';

CREATE VIEW mart.encounter WITH (security_barrier) AS
SELECT r.partner, r.resource_id, x.person_id, r.subject_reference, r.status, r.class_code, r.class_system,
       r.class_display, r.type_code, r.type_system, r.type_display, r.service_type_code, r.service_type_system,
       r.service_type_display, r.priority, r.started_at, r.started_precision, r.ended_at, r.ended_precision,
       r.performer_reference, r.reason_code, r.reason_system, r.reason_display, r.reason_reference, r.diagnosis_reference,
       r.location_reference, r.admit_source_code, r.discharge_disposition_code, r.service_provider_reference,
       r.part_of_reference, r.last_updated, r.delivery_id, r.line, r.known_from
FROM core.encounter r CROSS JOIN ops.analyst_sight s
LEFT JOIN core.crosswalk x ON x.partner = r.partner AND x.entity = 'patient' AND 'Patient/' || x.key[1] = r.subject_reference
WHERE s.sees_all OR r.partner = ANY (s.partners);
COMMENT ON VIEW mart.encounter IS 'Visits, stays and contacts; cancelled and mistaken ones too (status).';
COMMENT ON COLUMN mart.encounter.status IS 'Encounter.status: planned, in-progress, finished, cancelled, entered-in-error, ...';
COMMENT ON COLUMN mart.encounter.priority IS 'Encounter.priority, code.';
COMMENT ON COLUMN mart.encounter.admit_source_code IS 'Encounter.hospitalization.admitSource (R5: admission).';
COMMENT ON COLUMN mart.encounter.discharge_disposition_code IS 'Encounter.hospitalization.dischargeDisposition (R5: admission).';

CREATE VIEW mart.condition WITH (security_barrier) AS
SELECT r.partner, r.resource_id, x.person_id, r.subject_reference, r.encounter_reference, r.clinical_status,
       r.verification_status, r.category_code, r.category_system, r.category_display, r.severity_code, r.severity_system,
       r.severity_display, r.code, r.code_system, r.code_display, r.code_all, r.body_site_code, r.body_site_system,
       r.body_site_display, r.onset_at, r.onset_precision, r.abatement_at, r.abatement_precision, r.recorded_at,
       r.recorded_precision, r.recorder_reference, r.asserter_reference, r.last_updated, r.delivery_id, r.line, r.known_from
FROM core.condition r CROSS JOIN ops.analyst_sight s
LEFT JOIN core.crosswalk x ON x.partner = r.partner AND x.entity = 'patient' AND 'Patient/' || x.key[1] = r.subject_reference
WHERE s.sees_all OR r.partner = ANY (s.partners);
COMMENT ON VIEW mart.condition IS 'Problems and diagnoses; refuted and mistaken ones too (verification_status).';
COMMENT ON COLUMN mart.condition.clinical_status IS 'Condition.clinicalStatus: active, recurrence, relapse, inactive, remission, resolved.';
COMMENT ON COLUMN mart.condition.verification_status IS 'Condition.verificationStatus: confirmed, provisional, refuted, entered-in-error, ...';

CREATE VIEW mart.observation WITH (security_barrier) AS
SELECT r.partner, r.resource_id, r.component, x.person_id, r.subject_reference, r.encounter_reference, r.status,
       r.status IN ('final', 'amended', 'corrected') AS usable, r.category_code, r.category_system, r.category_display,
       r.code, r.code_system, r.code_display, r.code_all, r.performer_reference, r.specimen_reference, r.device_reference,
       r.effective_at, r.effective_precision, r.effective_end_at, r.effective_end_precision, r.issued_at,
       r.issued_precision, r.value_kind, r.value_number, r.value_unit, r.value_unit_code, r.value_comparator, r.value_low,
       r.value_high, r.value_code, r.value_system, r.value_display, r.value_boolean, r.value_at, r.value_precision,
       r.value_end_at, r.value_end_precision, r.normal_number, r.normal_unit, r.interpretation_code,
       r.interpretation_system, r.interpretation_display, r.data_absent_reason, r.body_site_code, r.body_site_system,
       r.body_site_display, r.method_code, r.method_system, r.method_display, r.reference_low, r.reference_high,
       r.reference_unit, r.last_updated, r.delivery_id, r.line, r.known_from
FROM core.observation r CROSS JOIN ops.analyst_sight s
LEFT JOIN core.crosswalk x ON x.partner = r.partner AND x.entity = 'patient' AND 'Patient/' || x.key[1] = r.subject_reference
WHERE s.sees_all OR r.partner = ANY (s.partners);
COMMENT ON VIEW mart.observation IS 'Measurements, laboratory results, vital signs and answers, a row for each component too; answers in words are left out.';
COMMENT ON COLUMN mart.observation.component IS 'Empty for the observation itself, else position and code of the component.';
COMMENT ON COLUMN mart.observation.status IS 'Observation.status: final, amended, corrected, preliminary, entered-in-error, ...';
COMMENT ON COLUMN mart.observation.usable IS 'Whether the status is final, amended or corrected.';
COMMENT ON COLUMN mart.observation.value_kind IS 'Which value[x]: quantity, concept, text, boolean, integer, range, ratio, time, moment, ...';
COMMENT ON COLUMN mart.observation.value_number IS 'Quantity.value, integer, or numerator divided by denominator of a ratio.';
COMMENT ON COLUMN mart.observation.value_unit IS 'Quantity.unit as written.';
COMMENT ON COLUMN mart.observation.value_unit_code IS 'Quantity.code, in UCUM where the source uses it.';
COMMENT ON COLUMN mart.observation.value_comparator IS 'Quantity.comparator: <, <=, >=, >, ad; null: equal.';
COMMENT ON COLUMN mart.observation.value_low IS 'Range.low; numerator of a ratio.';
COMMENT ON COLUMN mart.observation.value_high IS 'Range.high; denominator of a ratio.';
COMMENT ON COLUMN mart.observation.value_boolean IS 'Observation.valueBoolean.';
COMMENT ON COLUMN mart.observation.normal_number IS 'value_number in normal_unit; null where the unit has no rule.';
COMMENT ON COLUMN mart.observation.normal_unit IS 'kg, cm, Cel, mg/dL for glucose, ...: one unit for each kind of measure (UCUM).';
COMMENT ON COLUMN mart.observation.data_absent_reason IS 'Observation.dataAbsentReason, code: why there is no value.';
COMMENT ON COLUMN mart.observation.reference_low IS 'Observation.referenceRange.low, of the first.';
COMMENT ON COLUMN mart.observation.reference_high IS 'Observation.referenceRange.high, of the first.';
COMMENT ON COLUMN mart.observation.reference_unit IS 'Unit of the reference range.';

CREATE VIEW mart.medication_request WITH (security_barrier) AS
SELECT r.partner, r.resource_id, x.person_id, r.subject_reference, r.encounter_reference, r.status, r.status_reason_code,
       r.intent, r.category_code, r.category_system, r.category_display, r.priority, r.do_not_perform, r.reported, r.code,
       r.code_system, r.code_display, r.code_all, r.medication_reference, r.authored_at, r.authored_precision,
       r.requester_reference, r.reason_code, r.reason_system, r.reason_display, r.reason_reference, r.dose_number,
       r.dose_unit, r.dose_frequency, r.dose_period, r.dose_period_unit, r.as_needed, r.route_code, r.route_system,
       r.route_display, r.quantity_number, r.quantity_unit, r.refills, r.supply_number, r.supply_unit, r.valid_from_at,
       r.valid_from_precision, r.valid_until_at, r.valid_until_precision, r.prior_reference, r.last_updated,
       r.delivery_id, r.line, r.known_from
FROM core.medication_request r CROSS JOIN ops.analyst_sight s
LEFT JOIN core.crosswalk x ON x.partner = r.partner AND x.entity = 'patient' AND 'Patient/' || x.key[1] = r.subject_reference
WHERE s.sees_all OR r.partner = ANY (s.partners);
COMMENT ON VIEW mart.medication_request IS 'Prescriptions and medication orders; stopped, cancelled and mistaken ones too (status).';
COMMENT ON COLUMN mart.medication_request.status IS 'MedicationRequest.status: active, completed, stopped, cancelled, entered-in-error, ...';
COMMENT ON COLUMN mart.medication_request.status_reason_code IS 'MedicationRequest.statusReason.';
COMMENT ON COLUMN mart.medication_request.intent IS 'MedicationRequest.intent: order, plan, proposal, ...';
COMMENT ON COLUMN mart.medication_request.priority IS 'MedicationRequest.priority.';
COMMENT ON COLUMN mart.medication_request.do_not_perform IS 'MedicationRequest.doNotPerform: true says that it must not be given.';
COMMENT ON COLUMN mart.medication_request.reported IS 'MedicationRequest.reported[x]; a source says true.';
COMMENT ON COLUMN mart.medication_request.dose_number IS 'Dosage.doseAndRate.doseQuantity.value (of a range: low).';
COMMENT ON COLUMN mart.medication_request.dose_unit IS 'Dosage.doseAndRate.doseQuantity.unit, else its code.';
COMMENT ON COLUMN mart.medication_request.dose_frequency IS 'Dosage.timing.repeat.frequency: how often in dose_period.';
COMMENT ON COLUMN mart.medication_request.dose_period IS 'Dosage.timing.repeat.period.';
COMMENT ON COLUMN mart.medication_request.dose_period_unit IS 'Dosage.timing.repeat.periodUnit (UCUM): h, d, wk.';
COMMENT ON COLUMN mart.medication_request.as_needed IS 'Dosage.asNeeded[x]; a reason says true.';
COMMENT ON COLUMN mart.medication_request.quantity_number IS 'MedicationRequest.dispenseRequest.quantity.value.';
COMMENT ON COLUMN mart.medication_request.quantity_unit IS 'MedicationRequest.dispenseRequest.quantity.unit, else its code.';
COMMENT ON COLUMN mart.medication_request.refills IS 'MedicationRequest.dispenseRequest.numberOfRepeatsAllowed.';
COMMENT ON COLUMN mart.medication_request.supply_number IS 'MedicationRequest.dispenseRequest.expectedSupplyDuration.value.';
COMMENT ON COLUMN mart.medication_request.supply_unit IS 'MedicationRequest.dispenseRequest.expectedSupplyDuration, its unit.';

-- What is called alike in all of them is described alike: concepts, moments, references, and where a row comes from.
DO $$
DECLARE
    named record;
BEGIN
    FOR named IN
        SELECT v.name, c.stem, c.about FROM (VALUES
            ('patient'), ('encounter'), ('condition'), ('observation'), ('medication_request')) AS v (name),
            (VALUES ('partner', 'The health system that keeps the record.'),
                    ('last_updated', 'When the source last changed it, by its own account (meta.lastUpdated).'),
                    ('delivery_id', 'The delivery this version came from; with line, the exact resource.'),
                    ('line', 'First line of the resource in its delivery.'),
                    ('known_from', 'Since when this is believed.')) AS c (stem, about)
        UNION ALL
        SELECT v.name, c.stem, c.about FROM (VALUES
            ('encounter'), ('condition'), ('observation'), ('medication_request')) AS v (name),
            (VALUES ('resource_id', 'The resource''s id at the health system.'),
                    ('person_id', 'Who it is about; null where the patient is not known, or not linked yet.'),
                    ('subject_reference', 'Whom it is about, as Patient/id: resource_id of mart.patient.')) AS c (stem, about)
        UNION ALL
        SELECT v.name, 'encounter_reference', 'The visit it belongs to, as Encounter/id: resource_id of mart.encounter.'
        FROM (VALUES ('condition'), ('observation'), ('medication_request')) AS v (name)
        UNION ALL
        SELECT view, stem || part, path || about FROM (VALUES
            ('encounter', 'class', 'Encounter.class (R5: the first)'), ('encounter', 'type', 'Encounter.type, the first'),
            ('encounter', 'service_type', 'Encounter.serviceType'), ('encounter', 'reason', 'Encounter.reasonCode, the first'),
            ('condition', 'category', 'Condition.category'), ('condition', 'severity', 'Condition.severity'),
            ('condition', 'body_site', 'Condition.bodySite, the first'), ('observation', 'category', 'Observation.category'),
            ('observation', 'value', 'Observation.valueCodeableConcept'),
            ('observation', 'interpretation', 'Observation.interpretation, the first'),
            ('observation', 'body_site', 'Observation.bodySite'), ('observation', 'method', 'Observation.method'),
            ('medication_request', 'category', 'MedicationRequest.category'),
            ('medication_request', 'reason', 'MedicationRequest.reasonCode, the first'),
            ('medication_request', 'route', 'Dosage.route')) AS concept (view, stem, path),
            (VALUES ('_code', ': code of the preferred coding.'), ('_system', ': code system (URI).'),
                    ('_display', ': the code system''s words for the code.')) AS c (part, about)
        UNION ALL
        SELECT view, part, path || about FROM (VALUES
            ('condition', 'Condition.code (ICD-10-CM before SNOMED CT)'), ('observation', 'Observation.code or component.code (LOINC before others)'),
            ('medication_request', 'Code of the drug (RxNorm before NDC)')) AS concept (view, path),
            (VALUES ('code', ': code of the preferred coding.'), ('code_system', ': code system (URI).'),
                    ('code_display', ': the code system''s words for the code.'),
                    ('code_all', ': every coding as system|code, blank between them.')) AS c (part, about)
        UNION ALL
        SELECT view, stem || part, about FROM (VALUES
            ('encounter', 'started', 'Encounter.period.start (R5: actualPeriod)'),
            ('encounter', 'ended', 'Encounter.period.end (R5: actualPeriod)'),
            ('condition', 'onset', 'Condition.onsetDateTime or onsetPeriod.start'),
            ('condition', 'abatement', 'Condition.abatementDateTime or abatementPeriod.end'),
            ('condition', 'recorded', 'Condition.recordedDate (STU3: assertedDate)'),
            ('observation', 'effective', 'Observation.effectiveDateTime, effectiveInstant or effectivePeriod.start'),
            ('observation', 'effective_end', 'Observation.effectivePeriod.end'), ('observation', 'issued', 'Observation.issued'),
            ('observation', 'value', 'Observation.valueDateTime or valuePeriod.start'),
            ('observation', 'value_end', 'Observation.valuePeriod.end'),
            ('medication_request', 'authored', 'MedicationRequest.authoredOn'),
            ('medication_request', 'valid_from', 'MedicationRequest.dispenseRequest.validityPeriod.start'),
            ('medication_request', 'valid_until', 'MedicationRequest.dispenseRequest.validityPeriod.end')) AS moment (view, stem, path),
            LATERAL (VALUES ('_at', path || '; a part that was not said is its first.'),
                            ('_precision', 'How much of ' || path || ' was said: year, month, day, time.')) AS c (part, about)
        UNION ALL
        SELECT view, stem || '_reference', path || ', as Type/id.' FROM (VALUES
            ('encounter', 'performer', 'Encounter.participant.individual: attender, else primary performer, else first'),
            ('encounter', 'reason', 'Encounter.reasonReference, the first'),
            ('encounter', 'diagnosis', 'Encounter.diagnosis.condition of the best rank'),
            ('encounter', 'location', 'Encounter.location.location: active, else the last'),
            ('encounter', 'service_provider', 'Encounter.serviceProvider'), ('encounter', 'part_of', 'Encounter.partOf'),
            ('condition', 'recorder', 'Condition.recorder'), ('condition', 'asserter', 'Condition.asserter'),
            ('observation', 'performer', 'Observation.performer, the first'), ('observation', 'specimen', 'Observation.specimen'),
            ('observation', 'device', 'Observation.device'),
            ('medication_request', 'medication', 'MedicationRequest.medicationReference'),
            ('medication_request', 'requester', 'MedicationRequest.requester (STU3: requester.agent)'),
            ('medication_request', 'reason', 'MedicationRequest.reasonReference, the first'),
            ('medication_request', 'prior', 'MedicationRequest.priorPrescription')) AS reference (view, stem, path)
    LOOP
        EXECUTE format('COMMENT ON COLUMN mart.%I.%I IS %L', named.name, named.stem, named.about);
    END LOOP;
END $$;

-- ── exports ─────────────────────────────────────────────────────────────────
-- An export is judged once a plan says what became of its newest reading; nothing is known of it before.
CREATE VIEW mart.export_reconciliation WITH (security_barrier) AS
WITH judged AS (
    SELECT p.delivery_id FROM ops.plan p
    WHERE p.finished_at IS NOT NULL
      AND p.stage_no = (SELECT max(a.stage_no) FROM ops.stage_attempt a WHERE a.delivery_id = p.delivery_id)
    GROUP BY p.delivery_id
), whole AS (
    SELECT a.delivery_id, range_agg(a.lines) AS lines FROM ops.line_account a
    WHERE a.delivery_id IN (SELECT e.delivery_id FROM ops.export e) GROUP BY a.delivery_id
), file AS NOT MATERIALIZED (
    SELECT f.*, CASE WHEN f.first_line + f.line_count IS NOT NULL
                     THEN int8multirange(int8range(f.first_line, f.first_line + f.line_count)) END AS span
    FROM ops.export_file f
), fate AS (
    SELECT f.delivery_id, f.part,
           coalesce(sum(cut.total) FILTER (WHERE a.disposition = 'consumed'), 0) AS consumed,
           coalesce(sum(cut.total) FILTER (WHERE a.disposition = 'duplicate'), 0) AS duplicate,
           coalesce(sum(cut.total) FILTER (WHERE a.disposition = 'quarantined'), 0) AS quarantined,
           coalesce(sum(cut.total) FILTER (WHERE a.disposition = 'ignored'), 0) AS ignored,
           coalesce(sum(cut.total) FILTER (WHERE a.disposition = 'control'), 0) AS control
    FROM file f JOIN ops.line_account a ON a.delivery_id = f.delivery_id
    CROSS JOIN LATERAL (SELECT sum(upper(r) - lower(r)) FROM unnest(a.lines * f.span) r) AS cut (total)
    GROUP BY f.delivery_id, f.part
), told AS (
    SELECT f.delivery_id, f.kind, f.resource_type, count(*) AS files, count(f.landed_at) AS files_landed,
           CASE WHEN count(f.declared_count) = count(*) THEN sum(f.declared_count) END AS declared,
           sum(f.resource_count) AS landed, sum(f.line_count) AS lines,
           sum(coalesce(t.consumed, 0)) AS consumed, sum(coalesce(t.duplicate, 0)) AS duplicate,
           sum(coalesce(t.quarantined, 0)) AS quarantined, sum(coalesce(t.ignored, 0)) AS ignored,
           sum(coalesce(t.control, 0)) AS control,
           bool_and(f.landed_at IS NOT NULL
               AND (f.kind = 'error' OR f.declared_count IS NULL OR f.declared_count = f.resource_count)
               AND (f.line_count = 0 OR (w.lines IS NOT NULL AND f.span <@ w.lines))
               AND f.line_count = coalesce(t.consumed + t.duplicate + t.quarantined + t.ignored + t.control, 0)) AS balanced
    FROM file f LEFT JOIN fate t ON t.delivery_id = f.delivery_id AND t.part = f.part
    LEFT JOIN whole w ON w.delivery_id = f.delivery_id
    GROUP BY f.delivery_id, f.kind, f.resource_type
), named AS (
    SELECT delivery_id, kind, resource_type, bool_or(is_asked) AS asked
    FROM (SELECT e.delivery_id, 'output' AS kind, type AS resource_type, true AS is_asked
          FROM ops.export e CROSS JOIN LATERAL unnest(e.types) AS type
          UNION ALL
          SELECT f.delivery_id, f.kind, f.resource_type, false FROM ops.export_file f) either
    GROUP BY delivery_id, kind, resource_type
)
SELECT d.feed, d.partner, d.delivery_id, d.file_date, d.state, d.state_reason, e.state AS export_state,
       nullif(e.group_id, '') AS group_id, e.since, e.transaction_time, n.kind, n.resource_type, n.asked,
       coalesce(t.files, 0) AS files, coalesce(t.files_landed, 0) AS files_landed, t.declared, coalesce(t.landed, 0) AS landed,
       coalesce(t.lines, 0) AS lines, coalesce(t.consumed, 0) AS consumed, coalesce(t.duplicate, 0) AS duplicate,
       coalesce(t.quarantined, 0) AS quarantined, coalesce(t.ignored, 0) AS ignored, coalesce(t.control, 0) AS control,
       CASE WHEN j.delivery_id IS NOT NULL THEN coalesce(t.balanced, true) END AS balanced, d.landed_at, d.applied_at
FROM ops.delivery d JOIN ops.export e ON e.delivery_id = d.delivery_id JOIN named n ON n.delivery_id = d.delivery_id
LEFT JOIN told t ON t.delivery_id = n.delivery_id AND t.kind = n.kind AND t.resource_type = n.resource_type
LEFT JOIN judged j ON j.delivery_id = d.delivery_id;
COMMENT ON VIEW mart.export_reconciliation IS
    'Of each export and resource type: what the server said it sends, what was landed, and what became of every line.';
COMMENT ON COLUMN mart.export_reconciliation.feed IS 'The declared stream it belongs to.';
COMMENT ON COLUMN mart.export_reconciliation.partner IS 'The health system.';
COMMENT ON COLUMN mart.export_reconciliation.delivery_id IS 'Short id, as in run ids and commands.';
COMMENT ON COLUMN mart.export_reconciliation.file_date IS 'The day it was asked for.';
COMMENT ON COLUMN mart.export_reconciliation.state IS 'Where the delivery is, or how it ended.';
COMMENT ON COLUMN mart.export_reconciliation.state_reason IS 'Why: a stable code or guards, never a value.';
COMMENT ON COLUMN mart.export_reconciliation.export_state IS 'Where the server''s job is: wanted, running, ready, landed, over (the server may forget it).';
COMMENT ON COLUMN mart.export_reconciliation.group_id IS 'The server''s group of patients; null: all of them.';
COMMENT ON COLUMN mart.export_reconciliation.since IS 'What changed since then was asked for; null: everything.';
COMMENT ON COLUMN mart.export_reconciliation.transaction_time IS 'The server''s clock when it read its tables.';
COMMENT ON COLUMN mart.export_reconciliation.kind IS 'output: resources; deleted: bundles that name what is gone; error: what the server could not export.';
COMMENT ON COLUMN mart.export_reconciliation.resource_type IS 'What the manifest says is in the files.';
COMMENT ON COLUMN mart.export_reconciliation.asked IS 'Whether the type was asked for; one that was and did not come has no files.';
COMMENT ON COLUMN mart.export_reconciliation.files IS 'Files of the manifest.';
COMMENT ON COLUMN mart.export_reconciliation.files_landed IS 'Files of them that are in landing.';
COMMENT ON COLUMN mart.export_reconciliation.declared IS 'Resources by the manifest''s count; null where the server does not count each file.';
COMMENT ON COLUMN mart.export_reconciliation.landed IS 'Resources that came: lines that are not blank.';
COMMENT ON COLUMN mart.export_reconciliation.lines IS 'Physical lines, blank ones too; equals consumed + duplicate + quarantined + ignored + control.';
COMMENT ON COLUMN mart.export_reconciliation.consumed IS 'Lines that count.';
COMMENT ON COLUMN mart.export_reconciliation.duplicate IS 'Lines that say again what another line says.';
COMMENT ON COLUMN mart.export_reconciliation.quarantined IS 'Refused lines, kept with their reasons.';
COMMENT ON COLUMN mart.export_reconciliation.ignored IS 'Lines that change nothing: blank, an older version, a deletion of what is not held.';
COMMENT ON COLUMN mart.export_reconciliation.control IS 'Lines in which the server names its errors.';
COMMENT ON COLUMN mart.export_reconciliation.balanced IS
    'true: every file has as many resources as declared, and every line exactly one fate; null: nothing is planned yet.';
COMMENT ON COLUMN mart.export_reconciliation.landed_at IS 'When all of it was sealed in landing.';
COMMENT ON COLUMN mart.export_reconciliation.applied_at IS 'When its changes became known.';

CREATE VIEW mart.record_reconciliation WITH (security_barrier) AS
WITH newest AS (
    SELECT DISTINCT ON (delivery_id) * FROM ops.plan WHERE finished_at IS NOT NULL ORDER BY delivery_id, plan_id DESC
), counted AS (
    SELECT p.delivery_id, n.entity, p.balance #>> ARRAY[n.entity, 'verdict'] AS verdict,
           coalesce((n.number ->> 'incoming')::bigint, 0) AS incoming, coalesce((n.number ->> 'unchanged')::bigint, 0) AS unchanged,
           coalesce((n.number ->> 'add')::bigint, 0) AS added, coalesce((n.number ->> 'change')::bigint, 0) AS changed,
           coalesce((n.number ->> 'void')::bigint, 0) AS deleted, coalesce((n.number ->> 'held')::bigint, 0) AS held
    FROM newest p CROSS JOIN LATERAL jsonb_each(p.counts) AS n (entity, number)
    WHERE n.entity NOT IN ('eligibility', 'member') AND jsonb_typeof(n.number) = 'object'
)
SELECT d.feed, d.partner, c.delivery_id, d.file_date, d.state, c.entity, c.held AS held_before, c.incoming, c.unchanged, c.added,
       c.changed, c.deleted, c.held + c.added - c.deleted AS held_after,
       c.verdict IS NOT DISTINCT FROM 'balanced' AND c.incoming = c.unchanged + c.added + c.changed AS balanced, d.applied_at
FROM counted c JOIN ops.delivery d USING (delivery_id);
COMMENT ON VIEW mart.record_reconciliation IS 'What each delivery of clinical records changes, or would change, in each table.';
COMMENT ON COLUMN mart.record_reconciliation.feed IS 'The declared stream it belongs to.';
COMMENT ON COLUMN mart.record_reconciliation.partner IS 'The health system.';
COMMENT ON COLUMN mart.record_reconciliation.delivery_id IS 'Short id, as in run ids and commands.';
COMMENT ON COLUMN mart.record_reconciliation.file_date IS 'The day it speaks of.';
COMMENT ON COLUMN mart.record_reconciliation.state IS 'Where the delivery is, or how it ended; the changes are made in applied and published.';
COMMENT ON COLUMN mart.record_reconciliation.entity IS 'The table.';
COMMENT ON COLUMN mart.record_reconciliation.held_before IS 'Rows of the partner when it was planned.';
COMMENT ON COLUMN mart.record_reconciliation.incoming IS 'Rows the delivery states; an observation has one for each component too.';
COMMENT ON COLUMN mart.record_reconciliation.unchanged IS 'Stated as they are held.';
COMMENT ON COLUMN mart.record_reconciliation.added IS 'Not held before.';
COMMENT ON COLUMN mart.record_reconciliation.changed IS 'Held with another content.';
COMMENT ON COLUMN mart.record_reconciliation.deleted IS 'Deleted at the source, or components that their observation has no longer; their history stays.';
COMMENT ON COLUMN mart.record_reconciliation.held_after IS 'Rows of the partner once it is applied.';
COMMENT ON COLUMN mart.record_reconciliation.balanced IS 'Every stated row is unchanged, added or changed, and decided once.';
COMMENT ON COLUMN mart.record_reconciliation.applied_at IS 'When the changes became known.';

CREATE VIEW mart.unresolved_reference WITH (security_barrier) AS
WITH newest AS (
    SELECT DISTINCT ON (delivery_id) delivery_id, flags FROM ops.stage_attempt WHERE finished_at IS NOT NULL
    ORDER BY delivery_id, stage_no DESC
)
SELECT d.feed, d.partner, d.delivery_id, d.file_date, d.state, split_part(substr(f.name, 12), '.', 1) AS entity,
       split_part(substr(f.name, 12), '.', 2) AS reference_column, f.number::bigint AS unresolved
FROM newest n JOIN ops.delivery d USING (delivery_id) CROSS JOIN LATERAL jsonb_each_text(n.flags) AS f (name, number)
WHERE starts_with(f.name, 'unresolved:');
COMMENT ON VIEW mart.unresolved_reference IS
    'References of each delivery that name no resource by its id (a search, an identifier, a display, a urn), by table and column.';
COMMENT ON COLUMN mart.unresolved_reference.feed IS 'The declared stream it belongs to.';
COMMENT ON COLUMN mart.unresolved_reference.partner IS 'The health system.';
COMMENT ON COLUMN mart.unresolved_reference.delivery_id IS 'Short id, as in run ids and commands.';
COMMENT ON COLUMN mart.unresolved_reference.file_date IS 'The day it speaks of.';
COMMENT ON COLUMN mart.unresolved_reference.state IS 'Where the delivery is, or how it ended.';
COMMENT ON COLUMN mart.unresolved_reference.entity IS 'The table of the record that refers.';
COMMENT ON COLUMN mart.unresolved_reference.reference_column IS 'Its column, which is null for these.';
COMMENT ON COLUMN mart.unresolved_reference.unresolved IS 'How many; the resource is kept as it came, with the reference in it.';

-- ── who may ─────────────────────────────────────────────────────────────────
GRANT SELECT ON mart.care_gap_inputs, mart.person_summary, mart.person_record, mart.patient, mart.encounter, mart.condition,
    mart.observation, mart.medication_request, mart.export_reconciliation, mart.record_reconciliation,
    mart.unresolved_reference TO concord_loader, concord_analyst;
