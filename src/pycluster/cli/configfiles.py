"""``config``: the files that the agent renders on its machine."""

from __future__ import annotations

import click

from pycluster.cli import targets
from pycluster.cli.command import Verb
from pycluster.cli.configs import painted, when
from pycluster.cli.exits import Exit, printable
from pycluster.cli.given import Given, pass_given
from pycluster.cli.names import complete_entry
from pycluster.cli.options import AGENT, FORM, takes
from pycluster.cli.output import Cell, Printer
from pycluster.client.blocking import StateClient
from pycluster.configs import unified
from pycluster.rendering import FileView, RenderView
from pycluster.rollouts import FileReport

_COLOURS = {"in-place": "green", "failed": "red", "waiting": "yellow", "elsewhere": "dim"}
_WORDS = {
    "written": "written",
    "unchanged": "is what it should be",
    "reloaded": "is what it should be; its reload was still due",
    "would-change": "would change",
}


@click.command("rendered", cls=Verb)
@takes(*AGENT, *FORM)
@pass_given
def rendered(given: Given) -> int:
    """The files that the agent renders. In place since when, or why not. Ends with 1 where one failed."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        found = asked.configs.rendered()
    heading = ["NAME", "FILE", "STATE", "WANTED", "IN PLACE", "SINCE"]
    rows: list[list[Cell]] = [_row(one) for one in found.files]
    if printer.wide:
        heading.append("SOURCE")
        for row, one in zip(rows, found.files, strict=True):
            row.append(one.source + (f" ({one.version})" if one.version else ""))

    def lines() -> list[str]:
        problems = [f"{one.name}: {one.problem}{_again(one)}" for one in found.files if one.problem]
        return printer.table(heading, rows) + problems

    printer.answer(found, lines=lines, names=[one.name for one in found.files])
    return Exit.FAILED if any(one.state == "failed" for one in found.files) else Exit.DONE


@click.command("nodes", cls=Verb)
@takes(*AGENT, *FORM)
@click.argument("entry", shell_complete=complete_entry, required=False, default="", metavar="[NAME]")
@pass_given
def nodes(given: Given, entry: str) -> int:
    """What every node has in place of NAME. Of all entries without one; ends with 1 where something is not."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        found = asked.rollouts.nodes(entry)
    rows = [
        (
            node.node,
            one.template,
            one.entry,
            *(str(version) for version in (one.wanted, one.placed)),
            _since(one),
            one.problem,
        )
        for node in found
        for one in node.files
    ]
    heading = ("NODE", "TEMPLATE", "ENTRY", "WANTED", "IN PLACE", "SINCE", "WHY NOT")
    printer.answer(found, lines=lambda: printer.table(heading, rows), names=[node.node for node in found])
    return Exit.FAILED if any(one.problem for node in found for one in node.files) else Exit.DONE


def _since(one: FileReport) -> str:
    return when(one.since_ms) if one.since_ms else ""


def _row(one: FileView) -> list[Cell]:
    since = when(one.since_ms) if one.since_ms else ""
    return [one.name, one.destination, (one.state, _COLOURS[one.state]), one.wanted, one.placed, since]


def _again(one: FileView) -> str:
    return f" (tried again at {when(one.retry_ms)})" if one.retry_ms else ""


@click.command("render", cls=Verb)
@takes(*AGENT, *FORM)
@click.option("-diff", "--diff", "with_diff", is_flag=True, help="What changes in the file, too.")
@click.option("-dry-run", "--dry-run", is_flag=True, help="Check it, too, and leave what stands there.")
@click.argument("template", metavar="NAME")
@pass_given
def render(given: Given, template: str, with_diff: bool, dry_run: bool) -> int:
    """Render the file of template NAME now. A problem is told, ends with 1, and leaves the file as it is."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given, targets.CHANGE_S)) as asked:
        made = asked.configs.render(template, dry_run=dry_run)
    printer.answer(made, lines=lambda: _told(printer, made, with_diff), names=[made.name])
    return Exit.DONE


def _told(printer: Printer, made: RenderView, with_diff: bool) -> list[str]:
    other = ", not in what it says: in its owner or mode" if made.before == made.content else ""
    words = _WORDS[made.did] + (other if made.did == "would-change" else "")
    lines = [] if printer.quiet else [f"{made.destination}: {words}"]
    if with_diff and made.withheld:
        lines.append(printable(made.withheld))
    elif with_diff:
        label = made.destination if made.before is not None else "nothing"
        lines += painted(printer, unified(made.before or "", made.content, label, f"template {made.name}"))
    return lines
