"""``monitor``."""

from __future__ import annotations

import time

import click

from pycluster.cli import targets
from pycluster.cli.command import Verb
from pycluster.cli.exits import printable
from pycluster.cli.given import Given, pass_given
from pycluster.cli.options import AGENT, FORM, takes
from pycluster.cli.output import Printer
from pycluster.cli.readers import end_with_reader
from pycluster.client import StreamReset
from pycluster.node.view import ClusterEvent

_COLOURS = {
    "member-down": "red",
    "leader-lost": "red",
    "leader-unknown": "red",
    "member-suspect": "yellow",
    "election-started": "yellow",
    "leader-changed": "cyan",
    "leader-elected": "cyan",
    "leader-gained": "cyan",
    "member-up": "green",
}


@click.command("monitor", cls=Verb)
@takes(*AGENT, *FORM)
@click.option("-after", "--after", type=click.IntRange(0), metavar="N", help="Begin after event number N.")
@click.option("-count", "--count", type=click.IntRange(1), metavar="N", help="End after N events.")
@pass_given
def monitor(given: Given, after: int | None, count: int | None) -> int:
    """Events as they happen, until Ctrl-C. A broken connection is taken up again where it broke."""
    printer = Printer(given)
    asked = targets.client(given)
    shown = 0
    end_with_reader()
    while True:
        try:
            for event in asked.events(after):
                _show(printer, event)
                shown += 1
                if shown == count:
                    return 0
        except StreamReset as reset:
            printer.note(f"{reset}; following from now on")
            after = None


def _show(printer: Printer, event: ClusterEvent) -> None:
    if printer.form in ("json", "jsonl"):
        import msgspec

        print(msgspec.json.encode(event).decode(), flush=True)
        return
    stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(event.wall_ms / 1_000))
    text = printer.paint(printable(event.text).replace("\n", " "), _COLOURS.get(event.kind, ""))
    line = f"{stamp} {event.id} {event.kind}: {text}" if printer.wide else f"{stamp} {text}"
    printer.answer(event, lines=lambda: [line], names=[event.kind])
