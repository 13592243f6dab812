"""The event stream across breaks, resets and restarts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pycluster.client import AgentUnreachable, Client, Endpoint, Rejected, StreamReset
from pycluster.node.view import ClusterEvent, StatusView
from pycluster.runtime.journal import EventJournal
from tests.unit.web.fake import STATUS, Agent


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with Agent(tmp_path) as running:
        yield running


def numbers(events: Iterator[ClusterEvent], count: int) -> list[int]:
    return [next(events).id for _ in range(count)]


def test_events_come_in_order_after_a_place(agent: Agent) -> None:
    agent.run(agent.cluster.publish(5))
    events = Client(Endpoint(path=agent.path)).events(after=2)
    assert numbers(events, 3) == [3, 4, 5]
    agent.run(agent.cluster.publish(2))
    assert numbers(events, 2) == [6, 7]


def test_with_snapshots_the_status_comes_first_and_after_what_changed(agent: Agent) -> None:
    items = Client(Endpoint(host="127.0.0.1", port=agent.port)).events(snapshot=True)
    assert next(items) == STATUS
    agent.run(agent.cluster.publish())
    # A busy machine may come to the event so late that the time's own status comes first.
    event = next(item for item in items if isinstance(item, ClusterEvent))
    assert event.id == 1
    assert isinstance(next(items), StatusView)


def test_a_broken_connection_is_taken_up_where_it_broke(tmp_path: Path) -> None:
    with Agent(tmp_path) as first:
        first.run(first.cluster.publish(3))
        events = Client(Endpoint(path=first.path)).events(after=0)
        assert numbers(events, 3) == [1, 2, 3]
    with Agent(tmp_path) as again:
        again.run(again.cluster.publish(5))
        assert numbers(events, 2) == [4, 5]


def test_a_restarted_agent_counts_afresh_so_the_stream_is_reset(tmp_path: Path) -> None:
    with Agent(tmp_path) as first:
        first.run(first.cluster.publish(3))
        events = Client(Endpoint(path=first.path)).events(after=0)
        assert numbers(events, 3) == [1, 2, 3]
    with Agent(tmp_path) as restarted:
        restarted.cluster.view = msgspec.structs.replace(STATUS, started_us=STATUS.now_us)
        restarted.run(restarted.cluster.publish(9))
        with pytest.raises(StreamReset, match="followed") as raised:
            next(events)
        assert "restarted" in raised.value.why


def test_a_place_that_is_no_longer_kept_is_a_reset(agent: Agent) -> None:
    agent.cluster.journal = EventJournal(3)
    agent.run(agent.cluster.publish(9))
    with pytest.raises(StreamReset) as raised:
        next(Client(Endpoint(path=agent.path)).events(after=2))
    assert "no longer kept" in raised.value.why


def test_an_agent_that_does_not_come_back_is_unreachable_in_the_end(tmp_path: Path) -> None:
    with Agent(tmp_path) as agent:
        agent.run(agent.cluster.publish(1))
        events = Client(Endpoint(path=agent.path)).events(after=0, patience_s=0.05)
        assert numbers(events, 1) == [1]
    with pytest.raises(AgentUnreachable):
        next(events)


def test_the_first_connection_has_no_second_try(tmp_path: Path) -> None:
    with pytest.raises(AgentUnreachable):
        next(Client(Endpoint(path=str(tmp_path / "agent.sock"))).events(patience_s=3_600))


def test_a_place_that_is_no_number_is_refused(agent: Agent) -> None:
    with pytest.raises(Rejected):
        next(Client(Endpoint(path=agent.path)).events(after=-1))


def test_a_reader_that_leaves_is_unsubscribed(agent: Agent) -> None:
    events = Client(Endpoint(path=agent.path)).events(snapshot=True)
    next(events)
    assert len(agent.server.addresses) == 1
    events.close()  # type: ignore[attr-defined]
    assert Client(Endpoint(path=agent.path)).leader().leader == "node001"
