SELECT nextval('ops.outgoing_control') AS number
