-- The DAG of a broken contract is gone once the contract is mended, or deleted, and cannot say so itself.
UPDATE ops.incident SET state = 'resolved', resolved_at = clock_timestamp()
WHERE state = 'open' AND cause LIKE 'operation:%%\_broken:mend\_the\_contract'
  AND cause <> ALL (SELECT 'operation:' || name || '_broken:mend_the_contract' FROM unnest(%(broken)s::text[]) name)
