"""What is shown where another engine holds the state."""

from __future__ import annotations

import msgspec

from pycluster.node.view import EndpointView, EngineView
from tests.unit.cli.console import run
from tests.unit.web.fake import Agent

ONE, TWO = EndpointView("http://a:2379"), EndpointView("http://b:2379", "http://b:2379: Connection refused")


def holds(agent: Agent, engine: EngineView) -> None:
    agent.cluster.view = msgspec.structs.replace(agent.cluster.view, engine=engine)


def test_the_sheet_has_a_line_for_it_and_for_what_is_wrong(agent: Agent) -> None:
    assert "etcd" not in run("status").out
    holds(agent, EngineView("etcd", "3.4.23", (ONE,)))
    assert "etcd 3.4.23 at http://a:2379\n" in run("status").out
    holds(agent, EngineView("etcd", "3.4.23", (ONE, TWO)))
    assert "at http://a:2379, http://b:2379; http://b:2379: Connection refused\n" in run("status").out
    holds(agent, EngineView("etcd", "", (TWO,), "etcd has no leader"))
    assert "etcd at http://b:2379; etcd has no leader\n" in run("status").out


def test_no_snapshot_is_promised(agent: Agent) -> None:
    agent.state.holds = False
    holds(agent, EngineView("etcd", "3.4.23", (ONE,)))
    asked = run("snapshot", "save", "a.snapshot")
    assert asked.code != 0
    assert "no snapshot was made: the state is in etcd (use its own snapshots)" in asked.err


def test_a_migration_wants_agents_that_keep_the_state(agent: Agent) -> None:
    holds(agent, EngineView("etcd", "3.4.23", (ONE,)))
    with open("cluster.conf", "w") as conf:
        conf.write("[nodes]\nnode001 = 127.0.0.1\n[state]\nendpoints = http://127.0.0.1:1\n")
    asked = run("state", "migrate", "-to", "embedded", "-addr", f"unix:{agent.path}")
    assert asked.code == 1
    assert "node001 does not keep the state itself: its engine is etcd (start the agents with engine" in asked.err


def test_the_metrics_name_it_and_its_members(agent: Agent) -> None:
    holds(agent, EngineView("etcd", "3.4.23", (ONE, TWO), "etcd has no leader"))
    text = agent.ask("GET", "/metrics").body.decode()
    assert 'pycluster_state_engine_info{engine="etcd",version="3.4.23"} 1.0' in text
    assert "pycluster_state_engine_problem 1.0" in text
    assert 'pycluster_state_endpoint_up{endpoint="http://a:2379"} 1.0' in text
    assert 'pycluster_state_endpoint_up{endpoint="http://b:2379"} 0.0' in text
