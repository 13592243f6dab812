"""Processes that are killed or frozen: who leads then, and that nobody acts on what it believed before."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.cluster.agents import AgentProcess, fleet, overlaps, wait_for
from tests.cluster.three import HOSTS, agents_on, formed, patient, seated, statuses

#: Longer than its lease.
FROZEN_S = 4.0


def follow(leader: str, *agents: AgentProcess) -> bool | None:
    """Whether all of ``agents`` follow ``leader``."""
    shown = [agent.peek() for agent in agents]
    return all(status is not None and status.leader.leader == leader for status in shown) or None


def down_at(name: str, *agents: AgentProcess) -> bool | None:
    """Whether all of ``agents`` say that ``name`` is down."""
    return all(agent.says(f"Node timeout: {name}") for agent in agents) or None


@pytest.mark.slow
def test_a_frozen_leader_acts_no_more_without_a_new_election(tmp_path: Path) -> None:
    agents = one, two, three = agents_on(tmp_path, HOSTS)
    patient(*agents)
    with fleet(*agents):
        formed(agents)
        seated(agents)
        before = statuses(agents)[0].acting_intervals[0]
        one.send(signal.SIGSTOP)
        frozen = time.monotonic()
        wait_for("the two follow another", lambda: follow("node002", two, three))
        time.sleep(max(0.0, frozen + FROZEN_S - time.monotonic()))
        one.send(signal.SIGCONT)
        one.wait_says("Stopped leading: node001")
        one.wait_says("Became new leader: node001", times=2)
        wait_for("all follow the first again", lambda: follow("node001", *agents))
        shown = statuses(agents)
        assert overlaps(shown) == []
        own, others = shown[0].acting_intervals, shown[1].acting_intervals
        assert [own[0].term, own[0].started_us] == [before.term, before.started_us]
        assert len(own) == 2
        assert len(others) == 1
        assert own[0].term < others[0].term < own[1].term
        assert own[0].ended_us is not None and own[0].ended_us <= others[0].started_us


def test_a_killed_follower_costs_no_election(tmp_path: Path) -> None:
    agents = one, two, three = agents_on(tmp_path, HOSTS)
    patient(*agents)
    with fleet(*agents):
        formed(agents)
        seated(agents)
        term = statuses(agents)[0].leader.term
        three.kill()
        wait_for("the two say that it is down", lambda: down_at("node003", one, two))
        three.start()
        wait_for("all follow the first", lambda: follow("node001", *agents))
        shown = statuses(agents)
        assert {status.leader.term for status in shown} == {term}
        assert one.says("Became new leader") == 1


@pytest.mark.slow
def test_a_killed_member_without_a_vote_costs_no_election(tmp_path: Path) -> None:
    agents = agents_on(tmp_path, HOSTS)
    flags = tuple("127.0.0.4" if flag == "127.0.0.1" else flag for flag in agents[0].flags[4:])
    four = AgentProcess("node004", tmp_path, *flags)
    patient(*agents, four)
    with fleet(*agents, four):
        formed(agents)
        seated(agents)
        wait_for("the fourth follows, too", lambda: follow("node001", four))
        term = statuses(agents)[0].leader.term
        four.kill()
        wait_for("all say that it is down", lambda: down_at("node004", *agents))
        four.start()
        wait_for("it follows again", lambda: follow("node001", four))
        assert {status.leader.term for status in statuses((*agents, four))} == {term}


def test_all_killed_at_once_lead_again_with_their_terms(tmp_path: Path) -> None:
    agents = agents_on(tmp_path, HOSTS)
    patient(*agents)
    with fleet(*agents):
        formed(agents)
        seated(agents)
        before = statuses(agents)
        for agent in agents:
            agent.send(signal.SIGKILL)
        for agent in agents:
            agent.wait()
            agent.start()
        wait_for("all follow the first", lambda: follow("node001", *agents))
        after = statuses(agents)
        assert overlaps(after) == []
        assert {status.uuid for status in after} == {status.uuid for status in before}
        assert {status.quorum.cluster_uuid for status in after} == {status.quorum.cluster_uuid for status in before}
        assert min(status.leader.term for status in after) > max(status.leader.term for status in before)


@pytest.mark.slow
def test_a_killed_majority_leaves_no_leader_until_one_of_it_is_back(tmp_path: Path) -> None:
    agents = one, two, three = agents_on(tmp_path, HOSTS)
    patient(*agents)
    with fleet(*agents):
        formed(agents)
        seated(agents)
        for agent in (one, two):
            agent.kill()
        three.wait_says("No leader: ")
        status = wait_for("the third answers", three.status)
        assert status.leader.leader == "" and status.leader.reason
        two.start()
        wait_for("two of three have a leader", lambda: follow("node002", two, three))
        assert overlaps(statuses((two, three))) == []
