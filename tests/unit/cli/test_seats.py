"""``raft peers``, ``raft transfer``, ``raft remove``."""

from __future__ import annotations

import msgspec

from pycluster.node.ports import Outcome
from pycluster.node.view import VoterView
from tests.unit.cli.console import run
from tests.unit.web.fake import STATUS, Agent


def seated(agent: Agent, *voters: VoterView, last_index: int = 10) -> None:
    quorum = msgspec.structs.replace(STATUS.quorum, voters=voters, last_index=last_index)
    agent.cluster.view = msgspec.structs.replace(STATUS, quorum=quorum)


def test_the_voters_with_their_logs(agent: Agent) -> None:
    leads = STATUS.leader.uuid
    seated(
        agent,
        VoterView("node001", leads, True, match_index=10),
        VoterView("node002", "b" * 32, True, match_index=7),
        VoterView("node003", "", False),
        VoterView("node003", "c" * 32, True, learner=True, match_index=0),
    )
    lines = run("raft", "peers").out.splitlines()
    assert [line.split() for line in lines] == [
        ["NAME", "ROLE", "REACHABLE", "LOG", "UUID"],
        ["node001", "leader", "yes", "10", leads],
        ["node002", "voter", "yes", "7,", "3", "behind", "b" * 32],
        ["node003", "voter", "no", "-", "not", "seen", "yet"],
        ["node003", "learner", "yes", "0,", "10", "behind", "c" * 32],
    ]
    assert run("raft", "peers", "-o", "name").out.splitlines() == ["node001", "node002", "node003", "node003"]
    assert [seat["match_index"] for seat in run("raft", "peers", "-o", "json").json] == [10, 7, None, 0]


def test_no_voter_is_known(agent: Agent) -> None:
    seated(agent)
    done = run("raft", "peers")
    assert (done.code, done.err) == (5, "no voter is known yet\n")


def test_leadership_is_handed_over_and_a_seat_is_taken_away(agent: Agent) -> None:
    assert run("raft", "transfer", "node002").out == "node002 leads\n"
    assert run("raft", "transfer").out == "another voter leads\n"
    assert run("raft", "remove", "node003", "-y").out == "node003 has a seat no more\n"
    assert agent.cluster.commands == [
        ("raft-transfer", "node002"),
        ("raft-transfer", ""),
        ("raft-remove", "node003"),
    ]


def test_a_refusal_says_whom_to_ask(agent: Agent) -> None:
    agent.cluster.outcome = Outcome(
        False, "node003 keeps its seat", "node002 does not lead, node001 does", "ask node001"
    )
    done = run("raft", "remove", "node003", "-y")
    assert (done.code, done.err) == (
        1,
        "node003 keeps its seat: node002 does not lead, node001 does (ask node001)\n",
    )
