"""SQL as files: ``<folder>/<verb>_<object>.sql``, run through :mod:`concord.postgres`."""
