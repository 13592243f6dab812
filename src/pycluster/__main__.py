"""``python -m pycluster``."""

from __future__ import annotations

import signal
import sys


def _run() -> int:
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:
        # Ctrl-C while the program still loads ends it without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from pycluster.cli import main

    signal.signal(signal.SIGINT, usual)
    return main()


if __name__ == "__main__":
    sys.exit(_run())
