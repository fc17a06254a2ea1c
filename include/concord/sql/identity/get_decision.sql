SELECT verdict, decided_by, digest FROM ops.link_decision WHERE digest = %(digest)s
