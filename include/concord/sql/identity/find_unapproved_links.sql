-- A loss is never applied without a person, nor anything of a plan that was held whole.
SELECT p.link_plan_id AS id FROM ops.link_plan p
WHERE p.known_at IS NOT NULL AND ('loss' = ANY (p.applied_parts) AND p.loss_digest IS NOT NULL OR p.verdict = 'hold')
  AND NOT EXISTS (SELECT FROM ops.link_decision d
                  WHERE d.verdict = 'approve'
                    AND (d.digest = p.digest OR (p.verdict = 'hold_losses' AND d.digest = p.loss_digest)))
