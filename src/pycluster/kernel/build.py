"""Whether this program runs as Python reads it, or compiled where a write passes (hatch_build.py)."""

from __future__ import annotations

from pycluster.kernel import units

COMPILED = (units.__file__ or "").endswith(".so")
