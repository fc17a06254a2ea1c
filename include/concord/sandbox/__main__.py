"""``python -m concord.sandbox [demo|up|down]``."""

from concord.sandbox.demo import main

raise SystemExit(main())
