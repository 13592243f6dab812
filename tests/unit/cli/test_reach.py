"""``reachability``: who is missing, and what it cannot know."""

from __future__ import annotations

import msgspec

from pycluster.cli.reach import reach_of
from pycluster.node.view import MemberView, VoterView
from tests.unit.cli.console import run
from tests.unit.web.fake import MEMBERS, STATUS, Agent


def member(name: str, state: str, *, voter: bool = True) -> MemberView:
    """A member in a state."""
    changed = msgspec.structs.replace(MEMBERS[0], name=name, local=False, voter=voter)
    return msgspec.convert(msgspec.to_builtins(changed) | {"state": state}, MemberView)


def missing(members: tuple[MemberView, ...], *voters: VoterView) -> list[str]:
    """Who is not reachable."""
    quorum = msgspec.structs.replace(STATUS.quorum, voters=voters)
    return reach_of(msgspec.structs.replace(STATUS, members=members, quorum=quorum)).not_reachable


def test_everybody_there_is_0(agent: Agent) -> None:
    members = (MEMBERS[0], member("node002", "alive"))
    agent.cluster.view = msgspec.structs.replace(STATUS, members=members)
    done = run("reachability")
    assert done.code == 0
    assert "2 of 2 nodes alive; 2 of 2 voters reachable, 2 needed." in done.out
    assert "It cannot see whether two other nodes reach each other" in done.err
    assert run("reachability", "-q").err == ""
    assert run("reachability", "-o", "name").out == ""


def test_somebody_missing_is_1_and_named(agent: Agent) -> None:
    done = run("reachability", "-o", "json")
    assert (done.code, done.err) == (1, "")
    assert done.json["not_reachable"] == ["node002", "node003"]
    assert done.json["quorum"] is True
    assert run("reachability", "-o", "name").out == "node002\nnode003\n"


def test_who_left_is_not_missed_unless_a_seat_waits_for_it() -> None:
    assert missing((member("node004", "left", voter=False),)) == []
    assert missing((member("node004", "left"),), VoterView("node004", "d" * 32, False)) == ["node004"]


def test_a_voter_that_is_no_member_is_missed() -> None:
    assert missing((), VoterView("node005", "", False)) == ["node005"]


def test_probes_without_tcp_and_tcp_without_probes_are_told_apart(agent: Agent) -> None:
    voters = (VoterView("node002", "b" * 32, False), VoterView("node003", "c" * 32, True))
    quorum = msgspec.structs.replace(STATUS.quorum, voters=voters)
    members = (member("node002", "alive"), member("node003", "down"))
    agent.cluster.view = msgspec.structs.replace(STATUS, members=members, quorum=quorum)
    done = run("reachability")
    assert done.code == 1
    assert "node002 answers probes but not as a voter: does TCP pass" in done.out
    assert "node003 is reached as a voter but does not answer probes: does UDP pass" in done.out
