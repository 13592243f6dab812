"""Who waits in the queue of a lock or an election, and who holds, while agents and watches break."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pycluster
from pycluster import store
from pycluster.client import AgentUnreachable, Lost, TimedOut
from pycluster.client.claims import AsyncClaim
from pycluster.client.leasing import TAKE_BACK_S
from pycluster.client.state import AsyncStateClient
from pycluster.kernel.errors import LocalMisuse
from tests.unit.runtime.waiting import until
from tests.unit.virtual import leaping
from tests.unit.web.fake import Agent


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with Agent(tmp_path) as running:
        yield running


async def forget(agent: Agent, client: AsyncStateClient) -> None:
    """Compact all that was, and break every watch; returns when one is taken up, or nobody can do that."""
    for value in ("1", "2"):
        revision = (await client.put("other", value)).revision
    await client.compact(revision)
    before, asked = set(agent.state.feeds), len(agent.state.asked)
    agent.loop.call_soon_threadsafe(agent.state.fail_watches, store.Failure("no-leader"))
    await until(lambda: not before & set(agent.state.feeds))
    await until(lambda: agent.state.feeds or len(agent.state.asked) > asked)


def test_who_waits_goes_on_waiting_where_what_it_watched_is_forgotten(agent: Agent) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        async with client.lock("l", 600) as first:
            second = client.lock("l", 600)
            waiting = asyncio.create_task(second.acquire())
            await until(lambda: len(agent.state.feeds) == 2)
            await forget(agent, client)
            await until(lambda: len(agent.state.feeds) == 2 or waiting.done())
            assert first.held and not waiting.done()
        await waiting
        assert second.held
        await second.release()

    asyncio.run(work())


def test_who_leads_is_observed_on_where_what_was_watched_is_forgotten(agent: Agent) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        seen = client.elect("e").observe()
        assert await anext(seen) is None
        following = asyncio.ensure_future(anext(seen))
        await until(lambda: agent.state.feeds)
        await forget(agent, client)
        async with client.elect("e", "me", 600):
            leader = await following
            assert leader is not None and leader.value == b"me"
        await seen.aclose()

    asyncio.run(work())


def test_who_is_interrupted_while_a_lock_is_given_back_renews_it_no_more(agent: Agent) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        lock = client.lock("l", 600)
        await lock.acquire()
        await until(lambda: agent.state.feeds)  # its key is watched, which takes some turns to end
        before = asyncio.all_tasks()
        releasing = asyncio.create_task(lock.release())
        await asyncio.sleep(0)
        releasing.cancel()
        await asyncio.wait({releasing})
        left = [task for task in before if task is not asyncio.current_task() and not task.done()]
        assert [task for task in left if not task.cancelling()] == [], "whoever renews it"

    asyncio.run(work())


class Hung(AsyncStateClient):
    """A client that is never told whether a lease was revoked."""

    revoking = False

    async def revoke(self, id: int) -> int:
        self.revoking = True
        await asyncio.Event().wait()
        return 0


def test_who_gives_up_is_not_held_up_for_long_by_giving_back(agent: Agent) -> None:
    async def work(leap: Callable[[float], None]) -> None:
        client = Hung(pycluster.connect_async(agent.path).endpoint)
        await client.put("l/1", "")
        waiting = asyncio.create_task(client.lock("l", 600, wait_s=60).acquire())
        await until(lambda: agent.state.feeds)
        leap(60)
        await until(lambda: client.revoking)
        leap(TAKE_BACK_S)
        with pytest.raises(TimedOut, match="somebody else had it"):
            await waiting

    leaping(work)


@pytest.mark.parametrize(
    ("anew", "reason"), [(False, "its key was deleted"), (True, "its key was deleted and put anew")]
)
def test_a_lock_whose_key_cannot_be_watched_is_held_and_where_it_is_deleted_lost_with_the_next_renewal(
    agent: Agent, anew: bool, reason: str
) -> None:
    async def work(leap: Callable[[float], None]) -> None:
        client = pycluster.connect_async(agent.path)
        agent.state.watch_failure = store.Failure("no-leader")
        lock = client.lock("l", 60)
        await lock.acquire()
        await client.delete(lock.key)
        if anew:
            await client.put(lock.key, "")
        leap(20)  # its next renewal is due, and tells
        assert await lock.lost() == reason
        assert not lock.held
        with pytest.raises(Lost, match=reason):
            await lock.__aexit__(None, None, None)

    leaping(work)


def test_a_lock_is_held_on_where_what_was_watched_is_forgotten_and_lost_once_its_key_is_deleted(agent: Agent) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        lock = client.lock("l", 3_600)
        await lock.acquire()
        await until(lambda: agent.state.feeds)
        await forget(agent, client)
        await until(lambda: agent.state.feeds)
        assert lock.held
        await client.delete(lock.key)
        assert await lock.lost() == "its key was deleted"
        await lock.release()

    asyncio.run(work())


def a_claim(client: AsyncStateClient, kind: str) -> AsyncClaim:
    return client.lock("l", 600) if kind == "lock" else client.elect("l", ttl_s=600)


@pytest.mark.parametrize("kind", ["lock", "elect"])
def test_who_asks_for_what_it_holds_is_told_and_goes_on_holding(agent: Agent, kind: str) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        async with a_claim(client, kind) as held:
            waiting = asyncio.create_task((after := a_claim(client, kind)).acquire())
            await until(lambda: len(agent.state.feeds) == 2)
            with pytest.raises(LocalMisuse, match="used once"):
                await held.acquire()
            with pytest.raises(LocalMisuse, match="used once"):
                async with held:
                    pytest.fail("it is held already")
            assert held.held and await client.get(held.key) is not None
            assert not waiting.done()
        await waiting
        await after.release()

    asyncio.run(work())


@pytest.mark.parametrize("kind", ["lock", "elect"])
def test_of_two_who_ask_for_the_same_at_once_one_has_it_and_the_other_is_told(agent: Agent, kind: str) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        claim = a_claim(client, kind)
        first, second = await asyncio.gather(claim.acquire(), claim.acquire(), return_exceptions=True)
        assert first is None and isinstance(second, LocalMisuse)
        assert claim.held and len(await client.leases()) == 1
        await claim.release()
        assert await client.leases() == ()

    asyncio.run(work())


class Cut(AsyncStateClient):
    """A client whose agent is not reached by the next ``cut`` revocations."""

    cut = 0

    async def revoke(self, id: int) -> int:
        if self.cut:
            self.cut -= 1
            raise AgentUnreachable("no agent answers")
        return await super().revoke(id)


@pytest.mark.parametrize("kind", ["lock", "elect"])
def test_what_could_not_be_given_back_is_given_back_when_asked_again(agent: Agent, kind: str) -> None:
    async def work() -> None:
        client = Cut(pycluster.connect_async(agent.path).endpoint)
        claim = a_claim(client, kind)
        await claim.acquire()
        client.cut = 2
        for _ in range(2):
            with pytest.raises(AgentUnreachable):
                await claim.release()
            assert not claim.held and len(await client.leases()) == 1
        await claim.release()
        assert await client.leases() == ()
        client.cut = 1
        await claim.release()
        assert client.cut == 1, "nobody is asked any more"

    asyncio.run(work())


@pytest.mark.parametrize("cut", [1, 2])
def test_what_could_not_be_given_back_early_is_given_back_at_the_end_or_the_reason_told(agent: Agent, cut: int) -> None:
    async def work() -> None:
        client = Cut(pycluster.connect_async(agent.path).endpoint)
        try:
            async with client.lock("l", 600) as lock:
                client.cut = cut
                with pytest.raises(AgentUnreachable):
                    await lock.release()
        except AgentUnreachable:
            assert cut == 2
            await lock.release()
        assert await client.leases() == ()

    asyncio.run(work())
