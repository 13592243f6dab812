"""Which program is tried: the sources, or with ``COMPILED=1`` what `make compiled` made of them."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES, COMPILED = ROOT / "src", ROOT / "build" / "compiled"
PROGRAM = COMPILED if os.environ.get("COMPILED") == "1" else SOURCES
if not (PROGRAM / "pycluster").is_dir():
    raise RuntimeError(f"{PROGRAM} is not there: make compiled")
