"""How a change ended, told."""

from __future__ import annotations

import sys

from pycluster.cli.exits import Exit, printable
from pycluster.cli.output import Printer
from pycluster.kernel.errors import Refused
from pycluster.node.ports import Outcome


def outcome(printer: Printer, ended: Outcome, done: str) -> int:
    """Print the outcome and give the exit code; ``done`` is said where the agent says nothing itself."""
    if printer.form in ("json", "jsonl", "yaml"):
        printer.answer(ended, lines=list)
    elif ended.ok and not printer.quiet:
        print(printable(ended.what or done), flush=True)
    if not ended.ok:
        refused = Refused(ended.what or "the agent refused", why=ended.why, remedy=ended.remedy)
        print(printable(str(refused)), file=sys.stderr)
    if ended.ok:
        return Exit.DONE
    return Exit.TIMED_OUT if ended.in_doubt else Exit.FAILED
