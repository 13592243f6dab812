"""Print an answer once, or again whenever it changes."""

from __future__ import annotations

from collections.abc import Callable

from pycluster.cli.output import Printer
from pycluster.cli.readers import end_with_reader
from pycluster.client import Client, StreamReset
from pycluster.node.view import StatusView

_CLEAR = "\x1b[H\x1b[2J"


def show(
    asked: Client,
    printer: Printer,
    watch: bool,
    draw: Callable[[StatusView], int],
    gist: Callable[[StatusView], object],
) -> int:
    """``draw`` the status and give its exit code; with ``watch`` again for ever.

    A terminal is drawn afresh with every status that comes, so that ages tick; elsewhere only a changed ``gist`` is
    printed.
    """
    if not watch:
        return draw(asked.status())
    end_with_reader()
    shown: object = None
    while True:
        try:
            for item in asked.events(snapshot=True):
                if not isinstance(item, StatusView):
                    continue
                now = gist(item)
                if not printer.terminal and now == shown:
                    continue
                if printer.terminal:
                    print(_CLEAR, end="")
                elif shown is not None and printer.form in ("table", "wide"):
                    print()
                draw(item)
                shown = now
        except StreamReset as reset:
            printer.note(str(reset))
