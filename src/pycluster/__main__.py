"""``python -m pycluster``."""

from __future__ import annotations

import sys

from pycluster.cli import main

if __name__ == "__main__":
    sys.exit(main())
