"""The reader of our output, for verbs that may be silent for long."""

from __future__ import annotations

import io
import os
import select
import stat
import sys
import threading

from pycluster.cli.exits import Exit


def end_with_reader() -> None:
    """End this process when whoever reads its output through a pipe goes away, also while there is nothing to write."""
    try:
        output = sys.stdout.fileno()
        mode = os.fstat(output).st_mode
    except (OSError, ValueError, io.UnsupportedOperation):
        return
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        threading.Thread(target=_wait_for_end, args=(output,), name="reader", daemon=True).start()


def _wait_for_end(output: int) -> None:
    gone = select.poll()
    gone.register(output, 0)
    gone.poll()
    os._exit(Exit.BROKEN_PIPE)
