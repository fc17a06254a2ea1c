-- Every apply took a fence of its own.
SELECT feed AS id FROM ops.lease WHERE fence < state_seq
