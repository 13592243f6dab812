"""Leases that are kept alive, locks and elections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pycluster
from pycluster.client import Lost, TimedOut
from pycluster.client.blocking import Lease, Lock, StateClient
from pycluster.kernel.errors import LocalMisuse
from tests.unit.virtual import leaping
from tests.unit.web.fake import Agent


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with Agent(tmp_path) as running:
        yield running


@pytest.fixture
def client(agent: Agent) -> Iterator[StateClient]:
    with pycluster.connect(agent.path) as connected:
        yield connected


def test_a_lease_is_revoked_at_the_end(client: StateClient) -> None:
    with client.lease(60) as lease:
        client.put("k", "1", lease=lease.id)
        assert lease.held
        lease.check()
    assert client.get("k") is None
    assert client.leases() == ()


def lose(agent: Agent, client: StateClient) -> None:
    with client.lease(1) as lease:
        agent.run(agent.state.pass_time(2))
        assert lease.lost()
        assert not lease.held
        with pytest.raises(Lost):
            lease.check()


def test_a_lease_that_was_lost_says_so(agent: Agent, client: StateClient) -> None:
    with pytest.raises(Lost):
        lose(agent, client)


def test_what_the_body_raised_is_not_hidden(agent: Agent, client: StateClient) -> None:
    lease = client.lease(1)
    lease.__enter__()
    agent.run(agent.state.pass_time(2))
    lease.lost()
    error = ZeroDivisionError()
    lease.__exit__(ZeroDivisionError, error, None)


def test_a_lease_that_cannot_be_renewed_counts_as_lost_before_it_can_have_ended(tmp_path: Path) -> None:
    with pycluster.connect(str(tmp_path / "agent.sock")) as client:
        with Agent(tmp_path):
            lease = client.lease(1)
            lease.__enter__()
        assert lease.lost() == "it could not be renewed in time"
        with pytest.raises(Lost):
            lease.__exit__(None, None, None)


def test_a_lock_is_held_by_one_at_a_time_in_the_order_of_asking(agent: Agent) -> None:
    order: list[int] = []
    tokens: list[int] = []

    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        inside = 0

        async def one(number: int) -> None:
            nonlocal inside
            async with client.lock("l", 60) as lock:
                inside += 1
                assert (inside, lock.held) == (1, True)
                order.append(number)
                tokens.append(lock.token)
                await asyncio.sleep(0)
                inside -= 1

        async with client.lock("l", 60) as first:
            waiting = []
            for number in range(4):
                waiting.append(asyncio.create_task(one(number)))
                while len((await client.list("l/")).kvs) < number + 2:  # noqa: ASYNC110  only asking tells
                    await asyncio.sleep(0.01)
            assert order == []
            tokens.append(first.token)
        await asyncio.gather(*waiting)

    asyncio.run(work())
    assert order == [0, 1, 2, 3]
    assert tokens == sorted(set(tokens))
    assert agent.state.store.lease_ids() == ()


def test_the_queue_is_laid_out_as_etcds(client: StateClient) -> None:
    with client.lock("jobs/backup", 60) as lock:
        found = client.list("jobs/backup/").kvs
        assert [(kv.key, kv.create_revision) for kv in found] == [(lock.key, lock.token)]
        assert lock.key == b"jobs/backup/%x" % found[0].lease


def test_a_lock_that_is_not_got_in_time_leaves_nothing_behind(agent: Agent) -> None:
    async def work(leap: Callable[[float], None]) -> None:
        client = pycluster.connect_async(agent.path)
        async with client.lock("l", 60):
            waiting = asyncio.create_task(client.lock("l", 60, wait_s=300).acquire())
            while len(agent.state.feeds) < 2:  # noqa: ASYNC110  it has asked all it asks, and so has the holder
                await asyncio.sleep(0.01)
            leap(300)
            with pytest.raises(TimedOut, match="the lock was not got"):
                await waiting
            assert len(await client.leases()) == len((await client.list("l/")).kvs) == 1
        async with client.lock("l", 60, wait_s=60) as lock:
            assert lock.held
        assert not lock.held

    leaping(work)


@pytest.mark.parametrize("anew", [False, True])
def test_a_lock_whose_key_is_deleted_is_lost_at_once(agent: Agent, anew: bool) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        lock = client.lock("l", 3_600)
        await lock.acquire()
        await client.delete(lock.key)
        if anew:
            await client.put(lock.key, "")
        assert await lock.lost() == "its key was deleted"
        assert not lock.held
        with pytest.raises(Lost, match="its key was deleted"):
            await lock.__aexit__(None, None, None)

    asyncio.run(work())


def test_a_lock_whose_lease_is_revoked_is_lost_at_once(client: StateClient) -> None:
    lock = client.lock("l", 3_600)
    lock.__enter__()
    (lease,) = client.leases()
    client.revoke(lease)
    assert lock.lost()
    assert not lock.held
    with pytest.raises(Lost):
        lock.__exit__(None, None, None)


def test_who_waits_and_loses_its_lease_stops_waiting(agent: Agent) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        async with client.lock("l", 600):
            waiting = asyncio.create_task(client.lock("l", 1).acquire())
            while len((await client.list("l/")).kvs) < 2:  # noqa: ASYNC110  only asking tells
                await asyncio.sleep(0.01)
            agent.loop.call_soon_threadsafe(lambda: agent.loop.create_task(agent.state.pass_time(2)))
            with pytest.raises(Lost, match="place in the queue"):
                await waiting

    asyncio.run(work())


def test_an_election_has_one_leader_who_says_who_it_is(agent: Agent) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        watching = client.elect("e")
        seen: list[bytes | None] = []

        async def observe() -> None:
            async for leader in watching.observe():
                seen.append(None if leader is None else leader.value)

        async def until(value: bytes | None) -> None:
            while not seen or seen[-1] != value:  # noqa: ASYNC110  as short as an event for each value
                await asyncio.sleep(0.01)

        observer = asyncio.create_task(observe())
        await until(None)
        async with client.elect("e", "one", 60) as first:
            await until(b"one")
            second = client.elect("e", "two", 60)
            campaign = asyncio.create_task(second.acquire())
            await first.proclaim(b"uno")
            await until(b"uno")
            assert not campaign.done()
        await campaign
        await until(b"two")
        assert second.held and second.token > 0
        leader = await watching.leader()
        assert leader is not None and leader.create_revision == second.token
        await second.resign()
        await until(None)
        with pytest.raises(Lost):
            await second.proclaim(b"tre")
        observer.cancel()
        await asyncio.gather(observer, return_exceptions=True)
        assert seen == [None, b"one", b"uno", b"two", None] or seen == [None, b"one", b"uno", None, b"two", None]

    asyncio.run(work())


def test_what_was_given_back_early_was_not_lost_and_is_used_once(client: StateClient) -> None:
    with client.elect("e", "me", 60) as election:
        election.resign()
        assert not election.held
        with client.lock("e", 60, wait_s=30) as lock:
            assert lock.held
    for used in (election, lock):
        with pytest.raises(LocalMisuse, match="used once"):
            used.__enter__()
    assert client.list("e/").kvs == ()


def test_the_same_without_an_event_loop(client: StateClient) -> None:
    with client.elect("e", "me", 60) as election:
        observed = election.observe()
        leader = next(observed)
        assert leader is not None and leader.value == b"me"
        election.proclaim("you")
        leader = next(observed)
        assert leader is not None and leader.value == b"you"
        observed.close()  # type: ignore[attr-defined]
        assert election.leader() == leader
    assert election.leader() is None


@pytest.mark.parametrize("ask", [StateClient.lease, lambda of: of.lock("l"), lambda of: of.elect("l")])
def test_what_is_held_cannot_be_entered_again_and_stays_held(
    client: StateClient, ask: Callable[[StateClient], Lease | Lock]
) -> None:
    with ask(client) as held:
        with pytest.raises(LocalMisuse, match="used once"):
            held.__enter__()
        assert held.held and len(client.leases()) == 1
    assert client.leases() == ()
