"""The contracts: one module per feed, each with a ``FEED``. The only folder that onboarding touches."""
