"""``leader`` and ``explain``."""

from __future__ import annotations

import click
import msgspec

from pycluster.cli import targets, words
from pycluster.cli.command import Verb
from pycluster.cli.exits import Exit
from pycluster.cli.given import Given, pass_given
from pycluster.cli.names import check_member, complete
from pycluster.cli.options import AGENT, FORM, WATCH, takes
from pycluster.cli.output import Cell, Printer
from pycluster.cli.watching import show
from pycluster.node.view import Explanation, LeaderView, StatusView


def leader_cell(leader: LeaderView, now_us: int) -> Cell:
    """Who leads in one line, or why nobody does."""
    if not leader.leader:
        return f"none ({leader.reason})" if leader.reason else "none", "red"
    acting = ", acting" if leader.acting else ""
    return f"{leader.leader} in term {leader.term} for {words.span(leader.since_us, now_us)}{acting}", "cyan"


@click.command("leader", cls=Verb)
@takes(*AGENT, *FORM, WATCH)
@pass_given
def leader(given: Given) -> int:
    """Who leads, since when, in which term. Ends with 5 when nobody does."""
    printer = Printer(given)

    def draw(now: StatusView) -> int:
        found = now.leader
        names = [found.leader] if found.leader else []
        printer.answer(found, lines=lambda: _lines(printer, found, now.now_us), names=names)
        return Exit.DONE if found.leader else Exit.NO_LEADER

    def gist(now: StatusView) -> object:
        return msgspec.structs.replace(now.leader, lease_ms=None)

    return show(targets.client(given), printer, given.switch("watch"), draw, gist)


def _lines(printer: Printer, found: LeaderView, now_us: int) -> list[str]:
    if not found.leader:
        return printer.facts([("leader", ("none", "red")), ("reason", found.reason), ("term", str(found.term))])
    return printer.facts(
        [
            ("leader", (found.leader, "cyan")),
            ("term", str(found.term)),
            ("since", f"{words.span(found.since_us, now_us)} ago"),
            ("acting", f"yes, lease {found.lease_ms} ms" if found.acting and found.lease_ms is not None else ""),
            ("known by", found.source),
        ]
    )


@click.command("explain", cls=Verb)
@takes(*AGENT, *FORM)
@click.argument("question", type=click.Choice(["leader", "node"]))
@click.argument("node", shell_complete=complete, required=False, metavar="[NODE]")
@pass_given
def explain(given: Given, question: str, node: str | None) -> int:
    """Why this leader or none, or why a node's state. Ask `explain leader` or `explain node NODE`."""
    if question == "node" and node is None:
        raise click.UsageError("explain node needs the name of a node")
    if question == "leader" and node is not None:
        raise click.UsageError(f"explain leader takes no name; did you mean explain node {node}?")
    printer = Printer(given)
    asked = targets.client(given)
    if node is not None:
        check_member(asked, node)
    found = asked.explain("node" if question == "node" else "leader", node or "")
    printer.answer(found, lines=lambda: _explained(printer, found))
    return Exit.DONE


def _explained(printer: Printer, found: Explanation) -> list[str]:
    lines = [printer.paint(found.question, "bold"), found.answer]
    if found.evidence:
        lines += ["", "Evidence:", *(f"- {line}" for line in found.evidence)]
    if found.advice:
        lines += ["", "What to do:", *(f"- {line}" for line in found.advice)]
    return lines
