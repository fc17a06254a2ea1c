DELETE FROM ops.interchange WHERE delivery_id = %(delivery_id)s
