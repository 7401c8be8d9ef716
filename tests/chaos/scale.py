"""How much is tried: a sample in every test run, more by `make chaos`, far more by LONG=1."""

import os

FORM = os.environ.get("CHAOS", "")
"""What `make chaos` sets: `ci` for the bounded form, `long` for everything."""
