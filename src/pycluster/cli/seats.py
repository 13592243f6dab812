"""``raft``: the voters, and what an operator may want of them."""

from __future__ import annotations

import click

from pycluster.cli import targets
from pycluster.cli.command import Verb, Verbs
from pycluster.cli.exits import Exit
from pycluster.cli.given import Given, pass_given
from pycluster.cli.membership import sure
from pycluster.cli.names import complete
from pycluster.cli.options import AGENT, FORM, YES, takes
from pycluster.cli.output import Cell, Printer
from pycluster.cli.reporting import outcome
from pycluster.node.view import StatusView, VoterView

PLACES = {
    "peers": "pycluster.cli.seats:peers",
    "transfer": "pycluster.cli.seats:transfer",
    "remove": "pycluster.cli.seats:remove",
}


@click.group("raft", cls=Verbs, places=PLACES, no_args_is_help=False)
def raft() -> None:
    """The voters: who they are, who leads them, whose seat goes."""


@raft.command("peers", cls=Verb)
@takes(*AGENT, *FORM)
@pass_given
def peers(given: Given) -> int:
    """The voters as this agent sees them, and how far each has the log. The leader knows best."""
    printer = Printer(given)
    now = targets.client(given).status()
    seats = now.quorum.voters
    table = [_row(now, seat) for seat in seats]
    columns = ("NAME", "ROLE", "REACHABLE", "LOG", "UUID")
    printer.answer(seats, lines=lambda: printer.table(columns, table), names=[seat.name for seat in seats])
    if not seats and not printer.quiet:
        printer.note("no voter is known yet")
    return Exit.DONE if seats else Exit.NO_LEADER


def _row(now: StatusView, seat: VoterView) -> list[Cell]:
    role = "learner" if seat.learner else "leader" if seat.uuid == now.leader.uuid and seat.uuid else "voter"
    if seat.match_index is None:
        log = "-"
    else:
        behind = now.quorum.last_index - seat.match_index
        log = f"{seat.match_index}, {behind} behind" if behind > 0 else f"{seat.match_index}"
    return [
        seat.name,
        (role, "cyan" if role == "leader" else ""),
        ("yes", "green") if seat.reachable else ("no", "red"),
        log,
        seat.uuid or "not seen yet",
    ]


@raft.command("transfer", cls=Verb)
@takes(*AGENT, *FORM)
@click.argument("node", shell_complete=complete, required=False, default="", metavar="[NODE]")
@pass_given
def transfer(given: Given, node: str) -> int:
    """Hand leadership to NODE, which then keeps it, or to the best other voter. Ask the leader's agent."""
    asked = targets.client(given, targets.CHANGE_S)
    whom = node or "another voter"
    return outcome(Printer(given), asked.transfer(node), f"{whom} leads")


@raft.command("remove", cls=Verb)
@takes(*AGENT, *FORM, YES)
@click.argument("node", shell_complete=complete, metavar="NODE")
@pass_given
def remove(given: Given, node: str) -> int:
    """Take NODE's seat away; refused where the quorum would be lost. Ask the leader's agent."""
    asked = targets.client(given, targets.CHANGE_S)
    sure(given, f"Take the seat of {node} away?")
    return outcome(Printer(given), asked.remove_voter(node), f"{node} has a seat no more")
