"""``raft``: the voters, and what an operator may want of them."""

from __future__ import annotations

import click

from pycluster.cli import targets
from pycluster.cli.command import Verb, Verbs
from pycluster.cli.copies import copy_lines
from pycluster.cli.exits import Exit
from pycluster.cli.given import Given, pass_given
from pycluster.cli.membership import sure
from pycluster.cli.names import check_member, complete
from pycluster.cli.options import AGENT, DRY_RUN, FORM, YES, takes
from pycluster.cli.output import Cell, Printer
from pycluster.cli.reporting import outcome
from pycluster.client import Client
from pycluster.node.ports import Outcome
from pycluster.node.view import StatusView, VoterView

PLACES = {
    "peers": "pycluster.cli.seats:peers",
    "transfer": "pycluster.cli.seats:transfer",
    "add": "pycluster.cli.seats:add",
    "remove": "pycluster.cli.seats:remove",
    "replace": "pycluster.cli.seats:replace",
}


@click.group("raft", cls=Verbs, places=PLACES, no_args_is_help=False)
def raft() -> None:
    """The voters: who they are, who leads, whose seat moves."""


@raft.command("peers", cls=Verb)
@takes(*AGENT, *FORM)
@pass_given
def peers(given: Given) -> int:
    """The voters as this agent sees them, and how far each has the log. The leader knows best.

    `-o wide` adds how this agent's copy of the state and its disk are."""
    printer = Printer(given)
    asked = targets.client(given)
    now = asked.status()
    seats = now.quorum.voters
    table = [_row(now, seat) for seat in seats]
    columns = ("NAME", "ROLE", "REACHABLE", "LOG", "UUID")

    def lines() -> list[str]:
        return printer.table(columns, table) + (copy_lines(asked.raft()) if printer.wide else [])

    printer.answer(seats, lines=lines, names=[seat.name for seat in seats])
    if not seats and not printer.quiet:
        printer.note("no voter is known yet")
    return Exit.DONE if seats else Exit.NO_LEADER


def _row(now: StatusView, seat: VoterView) -> list[Cell]:
    if not seat.uuid and now.quorum.phase != "waiting":
        role = "unclaimed"
    elif seat.learner:
        role = "learner"
    else:
        role = "leader" if seat.uuid == now.leader.uuid and seat.uuid else "voter"
    if seat.match_index is None:
        log = "-"
    else:
        behind = now.quorum.last_index - seat.match_index
        log = f"{seat.match_index}, {behind} behind" if behind > 0 else f"{seat.match_index}"
    return [
        seat.name,
        (role, {"leader": "cyan", "unclaimed": "yellow"}.get(role, "")),
        ("yes", "green") if seat.reachable else ("no", "red"),
        log,
        seat.uuid or "not seen yet",
    ]


@raft.command("transfer", cls=Verb)
@takes(*AGENT, *FORM)
@click.argument("node", shell_complete=complete, required=False, default="", metavar="[NODE]")
@pass_given
def transfer(given: Given, node: str) -> int:
    """Hand leadership to NODE, which then keeps it, or to the best other voter."""
    asked = targets.client(given, targets.CHANGE_S)
    whom = node or "another voter"
    return _told(given, asked, asked.transfer(node), f"{whom} leads")


@raft.command("add", cls=Verb)
@takes(*AGENT, *FORM, DRY_RUN)
@click.argument("node", shell_complete=complete, metavar="NODE")
@pass_given
def add(given: Given, node: str) -> int:
    """Let NODE learn the log and vote once it has caught up. At most seven vote."""
    asked = targets.client(given, targets.CHANGE_S)
    check_member(asked, node)
    return _told(given, asked, asked.add_voter(node, dry_run=given.switch("dry_run")), f"{node} votes")


@raft.command("remove", cls=Verb)
@takes(*AGENT, *FORM, YES, DRY_RUN)
@click.argument("node", shell_complete=complete, metavar="NODE")
@pass_given
def remove(given: Given, node: str) -> int:
    """Take NODE's seat away; refused where the quorum would be lost."""
    asked, dry_run = targets.client(given, targets.CHANGE_S), given.switch("dry_run")
    if not dry_run:
        sure(given, f"Take the seat of {node} away?")
    return _told(given, asked, asked.remove_voter(node, dry_run=dry_run), f"{node} has a seat no more")


@raft.command("replace", cls=Verb)
@takes(*AGENT, *FORM, YES, DRY_RUN)
@click.argument("old", shell_complete=complete, metavar="OLD")
@click.argument("node", shell_complete=complete, metavar="NODE")
@pass_given
def replace(given: Given, old: str, node: str) -> int:
    """Let NODE learn the log and vote in the place of OLD, whose seat goes then."""
    asked, dry_run = targets.client(given, targets.CHANGE_S), given.switch("dry_run")
    check_member(asked, node)
    if not dry_run:
        sure(given, f"Give the seat of {old} to {node}?")
    done = f"{node} votes in the place of {old}"
    return _told(given, asked, asked.replace_voter(old, node, dry_run=dry_run), done)


def _told(given: Given, asked: Client, ended: Outcome, done: str) -> int:
    """The outcome; where it was refused and nobody leads, that is why."""
    code = outcome(Printer(given), ended, done)
    return Exit.NO_LEADER if code == Exit.FAILED and not asked.leader().leader else code
