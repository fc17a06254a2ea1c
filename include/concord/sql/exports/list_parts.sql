-- Objects of single files whose export is landed as one, or over: nobody reads them any more.
SELECT f.delivery_id, f.part, f.manifest FROM ops.export_file f JOIN ops.export e USING (delivery_id)
WHERE e.feed = %(feed)s AND e.state IN ('landed', 'over') AND f.manifest IS NOT NULL
