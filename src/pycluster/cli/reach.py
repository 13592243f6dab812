"""``rtt`` and ``reachability``: what this agent itself measured."""

from __future__ import annotations

import click
import msgspec

from pycluster.cli import targets, words
from pycluster.cli.cluster import quorum_text
from pycluster.cli.command import Verb
from pycluster.cli.exits import Exit
from pycluster.cli.given import Given, pass_given
from pycluster.cli.names import check_member, complete
from pycluster.cli.options import AGENT, FORM, takes
from pycluster.cli.output import Cell, Printer
from pycluster.node.view import StatusView, VoterView


class RoundTrip(msgspec.Struct):
    """Milliseconds; None where nothing was measured."""

    name: str
    state: str
    rtt_ms: float | None
    last_seen_ms: int | None


@click.command("rtt", cls=Verb)
@takes(*AGENT, *FORM)
@click.argument("node", shell_complete=complete, required=False, metavar="[NODE]")
@pass_given
def rtt(given: Given, node: str | None) -> int:
    """Round-trip times from the agent to other nodes."""
    printer = Printer(given)
    asked = targets.client(given)
    chosen = [check_member(asked, node)] if node else [each for each in asked.members() if not each.local]
    found = [RoundTrip(each.name, each.state, each.rtt_ms, each.last_seen_ms) for each in chosen]
    rows = [(each.name, words.round_trip(each), words.last_seen(each), words.state(each)) for each in chosen]
    printer.answer(
        found,
        lines=lambda: printer.table(("NAME", "RTT", "LAST SEEN", "STATE"), rows),
        names=[each.name for each in found],
    )
    return Exit.DONE


class Reach(msgspec.Struct):
    """One node as this agent reaches it. ``voter_reachable`` is None for one without a seat."""

    name: str
    address: str
    state: str
    last_seen_ms: int | None
    rtt_ms: float | None
    voter_reachable: bool | None
    ok: bool


class Reachability(msgspec.Struct):
    """What ``reachability`` prints."""

    seen_by: str
    nodes: list[Reach]
    voters_needed: int
    voters_reachable: int
    quorum: bool
    not_reachable: list[str]


def reach_of(status: StatusView) -> Reachability:
    """Who is reachable. A node that left is not missed; one that has a seat and no address is."""
    voters: dict[str, VoterView] = {voter.name: voter for voter in status.quorum.voters}
    nodes = []
    for member in status.members:
        voter = voters.pop(member.name, None)
        seat = voter.reachable if voter is not None else None
        ok = (member.state == "alive" and seat is not False) or (member.state == "left" and voter is None)
        nodes.append(Reach(member.name, member.address, member.state, member.last_seen_ms, member.rtt_ms, seat, ok))
    nodes += [Reach(name, "", "unknown", None, None, voter.reachable, False) for name, voter in voters.items()]
    return Reachability(
        seen_by=status.name,
        nodes=nodes,
        voters_needed=status.quorum.needed,
        voters_reachable=status.quorum.reachable,
        quorum=0 < status.quorum.needed <= status.quorum.reachable,
        not_reachable=[node.name for node in nodes if not node.ok],
    )


@click.command("reachability", cls=Verb)
@takes(*AGENT, *FORM)
@pass_given
def reachability(given: Given) -> int:
    """Whom the agent reaches, and whether it is a quorum. Ends with 1 when somebody is missing."""
    printer = Printer(given)
    status = targets.client(given).status()
    found = reach_of(status)
    printer.answer(found, lines=lambda: _lines(printer, status, found), names=found.not_reachable)
    if printer.form in ("table", "wide"):
        printer.note(
            f"\nThis is what {status.name} itself sees: its own probes (UDP), and its contact with the voters (TCP;"
            " of voters that it does not talk to, what membership says).\nIt cannot see whether two other nodes"
            " reach each other: ask their agents."
        )
    return Exit.FAILED if found.not_reachable else Exit.DONE


def _lines(printer: Printer, status: StatusView, found: Reachability) -> list[str]:
    members = {member.name: member for member in status.members}
    rows: list[list[Cell]] = []
    for node in found.nodes:
        member = members.get(node.name)
        seat = "" if node.voter_reachable is None else "reachable" if node.voter_reachable else "not reachable"
        rows.append(
            [
                node.name,
                words.state(member) if member else "unknown",
                words.last_seen(member) if member else "never",
                words.round_trip(member) if member else "",
                (seat, "red" if node.voter_reachable is False else ""),
            ]
        )
    alive = sum(node.state == "alive" for node in found.nodes)
    lines = printer.table(("NAME", "STATE", "LAST SEEN", "RTT", "AS VOTER"), rows)
    lines += ["", f"{alive} of {len(found.nodes)} nodes alive; {quorum_text(status.quorum)}."]
    lines += [hint for node in found.nodes if (hint := _one_way(node))]
    return lines


def _one_way(node: Reach) -> str:
    """UDP without TCP, or the other way round, is nearly always a firewall."""
    if node.state == "alive" and node.voter_reachable is False:
        return f"{node.name} answers probes but not as a voter: does TCP pass to {node.address}?"
    if node.state in ("suspect", "down") and node.voter_reachable:
        return f"{node.name} is reached as a voter but does not answer probes: does UDP pass to {node.address}?"
    return ""
