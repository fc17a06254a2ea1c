-- What a delivery says of itself, once it was read. A test (ISA15=T) is planned and never written.
UPDATE ops.delivery
SET mode = coalesce(%(mode)s, mode), is_pilot = %(is_pilot)s, control_number = coalesce(%(control_number)s, control_number),
    is_resubmission = %(is_resubmission)s
WHERE delivery_id = %(delivery_id)s
