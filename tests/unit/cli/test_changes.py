"""The verbs that change something: what reaches the agent, what comes back."""

from __future__ import annotations

import msgspec
import pytest

from pycluster.node.ports import Outcome
from tests.unit.cli.console import run
from tests.unit.web.fake import MEMBERS, STATUS, Agent


def tagged(agent: Agent, **tags: str) -> None:
    """Give the local member tags."""
    local = msgspec.structs.replace(MEMBERS[0], tags=tags)
    agent.cluster.view = msgspec.structs.replace(STATUS, members=(local, *MEMBERS[1:]))


def test_join_and_leave_and_force_leave(agent: Agent) -> None:
    assert run("join", "192.0.2.7", "node009:7946").out == "the agent contacts 192.0.2.7, node009:7946\n"
    assert run("force-leave", "node003").code == 0
    assert run("leave").code == 0
    assert agent.cluster.commands == [
        ("join", ("192.0.2.7", "node009:7946")),
        ("force-leave", "node003"),
        ("leave", None),
    ]


def test_a_refusal_is_1_and_says_what_why_and_what_to_do(agent: Agent) -> None:
    agent.cluster.outcome = Outcome(False, "not left", "the quorum would be lost", "add a voter")
    done = run("leave")
    assert (done.code, done.out, done.err) == (1, "", "not left: the quorum would be lost (add a voter)\n")
    done = run("leave", "-o", "json")
    assert (done.code, done.json["why"]) == (1, "the quorum would be lost")


def test_an_outcome_in_json(agent: Agent) -> None:
    agent.cluster.outcome = Outcome(True, "done as asked")
    assert run("leave").out == "done as asked\n"
    told = {"ok": True, "what": "done as asked", "why": "", "remedy": "", "in_doubt": False}
    assert run("leave", "-o", "json").json == told
    assert run("leave", "-q").out == ""


def test_tags_are_shown(agent: Agent) -> None:
    assert run("tags").out == ""
    tagged(agent, rack="r1", zone="b")
    assert run("tags").out == "rack=r1\nzone=b\n"
    assert run("tags", "-o", "json").json == {"rack": "r1", "zone": "b"}
    assert run("tags", "-o", "name").out == "rack\nzone\n"


def test_tags_are_added_to_those_there_are(agent: Agent) -> None:
    tagged(agent, rack="r1", zone="b")
    done = run("tags", "rack=r2", "note=a=b")
    assert (done.code, done.out) == (0, "tags are now: note=a=b,rack=r2,zone=b\n")
    assert agent.cluster.commands == [("tags", {"rack": "r2", "zone": "b", "note": "a=b"})]


def test_tags_are_deleted(agent: Agent) -> None:
    tagged(agent, rack="r1", zone="b")
    assert run("tags", "-d", "rack", "--delete", "zone").out == "tags are now: none\n"
    assert agent.cluster.commands == [("tags", {})]
    done = run("tags", "-d", "rock")
    assert (done.code, len(agent.cluster.commands)) == (3, 1)
    assert "'rock'" in done.err


@pytest.mark.parametrize(("answer", "code", "commands"), [("n\n", 1, 0), ("\n", 1, 0), ("y\n", 0, 1)])
def test_on_a_terminal_it_asks_first(agent: Agent, answer: str, code: int, commands: int) -> None:
    assert run("leave", keys=answer).code == code
    assert len(agent.cluster.commands) == commands


def test_with_y_it_does_not_ask(agent: Agent) -> None:
    assert run("-y", "leave", keys="n\n").code == 0
    assert run("force-leave", "node003", "--yes", keys="n\n").code == 0
    assert len(agent.cluster.commands) == 2
