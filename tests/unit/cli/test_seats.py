"""``raft peers``, ``raft transfer``, ``raft add``, ``raft remove``, ``raft replace``."""

from __future__ import annotations

import msgspec

from pycluster.node.ports import Outcome
from pycluster.node.view import DiskView, SnapshotView, VoterView
from tests.unit.cli.console import run
from tests.unit.web.fake import COPY, STATUS, Agent


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
        ["node003", "unclaimed", "no", "-", "not", "seen", "yet"],
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
        ("raft-remove", ("node003", False)),
    ]


def test_a_member_gets_a_seat_or_takes_one_over(agent: Agent) -> None:
    assert run("raft", "add", "node002").out == "node002 votes\n"
    assert run("raft", "replace", "node003", "node002", "-y").out == "node002 votes in the place of node003\n"
    assert agent.cluster.commands == [
        ("raft-add", ("node002", False)),
        ("raft-replace", ("node003", "node002", False)),
    ]


def test_a_dry_run_is_not_asked_about_and_told_as_the_agent_tells_it(agent: Agent) -> None:
    agent.cluster.outcome = Outcome(True, "nothing was changed; node003 would give its seat up")
    for line in (("add", "node002"), ("remove", "node003"), ("replace", "node003", "node002")):
        assert run("raft", *line, "--dry-run").out == "nothing was changed; node003 would give its seat up\n"
    assert agent.cluster.commands == [
        ("raft-add", ("node002", True)),
        ("raft-remove", ("node003", True)),
        ("raft-replace", ("node003", "node002", True)),
    ]


def test_what_may_still_be_done_ends_with_another_code_than_what_is_refused(agent: Agent) -> None:
    agent.cluster.outcome = Outcome(False, "node003 keeps its seat", "node001 did not answer", in_doubt=True)
    done = run("raft", "remove", "node003", "-y", "-o", "json")
    assert (done.code, done.json["in_doubt"]) == (6, True)
    assert done.err == "node003 keeps its seat: node001 did not answer\n"


def test_who_is_no_member_gets_no_seat(agent: Agent) -> None:
    done = run("raft", "add", "node0002")
    assert done.code == 3 and "did you mean node002?" in done.err
    assert run("raft", "replace", "node003", "nobody", "-y").code == 3
    assert agent.cluster.commands == []


def test_where_nobody_leads_that_is_why(agent: Agent) -> None:
    agent.cluster.outcome = Outcome(False, "node002 gets no seat", "there is no leader: ...", "wait for a leader")
    nobody = msgspec.structs.replace(STATUS.leader, leader="", uuid="")
    agent.cluster.view = msgspec.structs.replace(STATUS, leader=nobody)
    assert run("raft", "add", "node002").code == 5


def test_a_refusal_says_whom_to_ask(agent: Agent) -> None:
    agent.cluster.outcome = Outcome(
        False, "node003 keeps its seat", "node002 does not lead, node001 does", "ask node001"
    )
    done = run("raft", "remove", "node003", "-y")
    assert (done.code, done.err) == (
        1,
        "node003 keeps its seat: node002 does not lead, node001 does (ask node001)\n",
    )


def test_wide_voters_come_with_this_agents_copy_and_disk(agent: Agent) -> None:
    seated(agent, VoterView("node001", STATUS.leader.uuid, True, match_index=10))
    assert run("raft", "peers", "-o", "wide").out.splitlines()[2:] == [
        "Copy: entry 9 of 9 committed, revision 7, readable from 3; 2 keys, 300 bytes of 976.6 KiB;"
        " 1 of 100 leases, 1 of 200 watches",
        "Snapshot: entry 5, revision 4, 2.0 KiB; on its way to node003 (128.0 KiB so far)",
        "Disk: 0.9 ms a durable write, 4.5 ms at worst, of the last 64",
    ]
    agent.cluster.copy, agent.cluster.disk = None, DiskView(0)
    assert run("raft", "peers", "-o", "wide").out.splitlines()[2:] == [
        "Copy: none here; node001 answers for the state",
        "Disk: nothing written yet",
    ]
    agent.cluster.disk = DiskView(1, 1, 0.5, 0.5, 0.5, pending_ms=3200.5)
    assert run("raft", "peers", "-o", "wide").out.splitlines()[3] == (
        "Disk: 0.5 ms a durable write, 0.5 ms at worst, of the last 1; one is under way for 3200.5 ms"
    )
    agent.cluster.disk = DiskView(2, 2, 12_345.6, 0.5, 12_345.6, pending_ms=1_234_567.8)
    assert run("raft", "peers", "-o", "wide").out.splitlines()[3] == (
        "Disk: 0.5 ms a durable write, 12 s at worst, of the last 2; one is under way for 1235 s"
    )
    busy = SnapshotView(0, 0, saving_bytes=3 << 20, receiving_bytes=5)
    agent.cluster.copy = msgspec.structs.replace(COPY, compact_revision=0, snapshot=busy)
    assert run("raft", "peers", "-o", "wide").out.splitlines()[3] == (
        "Snapshot: none yet; the next one being written (3.0 MiB so far); the leader's being received (5 bytes so far)"
    )
