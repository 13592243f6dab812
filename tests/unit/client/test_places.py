"""Who stands in a queue that has other keys beside it: those of locks with longer names, and anybody's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from pathlib import Path
from random import Random

import pytest

import pycluster
from pycluster import store
from pycluster.client import Compacted, NotFound, TimedOut, TooLarge
from pycluster.client.claims import AsyncClaim, AsyncElection, AsyncLock
from pycluster.client.places import is_place, next_place, places
from pycluster.client.state import AsyncStateClient
from tests.unit.runtime.waiting import until
from tests.unit.virtual import in_virtual_time
from tests.unit.web.fake import Agent


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with Agent(tmp_path) as running:
        yield running


def a_claim(client: AsyncStateClient, kind: str, name: str) -> AsyncClaim:
    wait_s = 30.0  # more than anybody needs
    return client.lock(name, 600, wait_s=wait_s) if kind == "lock" else client.elect(name, "me", 600, wait_s=wait_s)


class FakeReader:
    """A state of these keys, that answers ``most`` at a time, and has asked for more refused."""

    def __init__(self, keys: list[bytes], most: int) -> None:
        self.keys = sorted(keys)
        self.most = most
        self.answers = 0

    async def range(self, wanted: store.Range, *, timeout_s: float | None = None) -> store.RangeResult:
        assert wanted.keys_only and timeout_s == 7.0
        if wanted.limit > self.most:
            raise TooLarge("the answer would be too large")
        self.answers += 1
        found = [key for key in self.keys if wanted.key <= key < wanted.range_end]
        kvs = tuple(store.KeyValue(key, b"", 1, 1, 1, 0) for key in found[: wanted.limit])
        return store.RangeResult(self.answers, kvs, len(found), len(found) > wanted.limit)


def found_in(reader: FakeReader) -> list[bytes]:
    async def work() -> list[bytes]:
        return [kv.key async for _, piece in places(reader, b"n/", lambda: 7.0) for kv in piece]

    return asyncio.run(work())


def some_key(draw: Random) -> bytes:
    return bytes(draw.choices(b"-/09af:gG\xff", k=draw.choice((0, 1, 2, 3, 15, 16, 17))))


@pytest.mark.parametrize(
    ("key", "counts"),
    [
        (b"n/0", True),
        (b"n/7587c9a3b1d20f44", True),
        (b"n/7587c9a3b1d20f441", False),
        (b"n/", False),
        (b"n/db/7587c9a3b1d20f44", False),
        (b"n/DB", False),
        (b"n/ab\n", False),
        (b"n/schedule", False),
        (b"m/0", False),
    ],
)
def test_a_place_is_the_hexadecimal_number_of_a_lease(key: bytes, counts: bool) -> None:
    assert is_place(b"n/", key) is counts


def test_between_a_key_and_the_next_place_there_is_none() -> None:
    draw = Random(1)
    rests = [some_key(draw) for _ in range(2_000)]
    there = sorted(rest for rest in rests if is_place(b"", rest))
    for rest in rests:
        after = next_place(rest)
        assert not after or (after > rest and is_place(b"", after))
        assert not [place for place in there if place > rest and (not after or place < after)]


@pytest.mark.parametrize("most", [1, 15, 1_000])
def test_every_place_is_found_in_however_small_pieces(most: int) -> None:
    draw = Random(2)
    for _ in range(30):
        keys = list({b"n/" + some_key(draw) for _ in range(60)})
        assert found_in(FakeReader(keys, most)) == sorted(key for key in keys if is_place(b"n/", key))


def test_folders_are_skipped_and_what_cannot_be_is_looked_at_up_to_a_bound() -> None:
    folder = [b"n/db/%d" % number for number in range(10_000)]
    reader = FakeReader([*folder, b"n/db", b"n/dc"], 1_000)
    assert found_in(reader) == [b"n/db", b"n/dc"]
    assert reader.answers == 2
    with pytest.raises(TooLarge, match="the queue cannot be read to its end"):
        found_in(FakeReader([b"n/%x-" % number for number in range(2_000)], 1))


@pytest.mark.parametrize("kind", ["lock", "elect"])
def test_what_lies_below_a_name_keeps_nobody_waiting(agent: Agent, kind: str) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        await client.put("backup/schedule", "daily")
        async with a_claim(client, kind, "backup/db"), a_claim(client, kind, "backup") as held:
            waiting = asyncio.create_task((after := a_claim(client, kind, "backup")).acquire())
            await until(lambda: len(agent.state.feeds) == 3)
            assert held.held and not waiting.done()
        await waiting
        await after.release()

    asyncio.run(work())


def test_who_leads_is_nobody_of_an_election_with_a_longer_name(agent: Agent) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        watching = client.elect("svc")
        async with client.elect("svc/db", "other", 600):
            assert await watching.leader() is None
            seen = watching.observe()
            assert await anext(seen) is None
            following = asyncio.ensure_future(anext(seen))
            await until(lambda: len(agent.state.feeds) == 2)
            before = len(agent.state.asked)
            await client.put("svc/schedule", "daily")
            async with client.elect("svc", "me", 600):
                leader = await following
                assert leader is not None and leader.value == b"me" and leader == await watching.leader()
                reads = [asked.request for asked in agent.state.asked[before:]]
                listed = [one for one in reads if isinstance(one, store.Range) and one.range_end]
                assert len(listed) == 3, "who stands, who observes, and who asks: the other key made nobody read"
            await seen.aclose()

    asyncio.run(work())


def test_etcds_clients_are_waited_for(agent: Agent) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        theirs = (await client.grant(600)).id
        await client.put(b"l/%x" % theirs, "", lease=theirs)
        waiting = asyncio.create_task((ours := client.lock("l", 600)).acquire())
        await until(lambda: agent.state.feeds)
        assert not waiting.done()
        await client.revoke(theirs)
        await waiting
        await ours.release()

    asyncio.run(work())


class Crossed(AsyncStateClient):
    """A client whose first list of places, at most ``piece`` at a time, is followed by what others do ``meanwhile``."""

    meanwhile: Callable[[], Awaitable[object]] | None = None
    piece = 1_000

    async def range(self, wanted: store.Range, *, timeout_s: float | None = None) -> store.RangeResult:
        if wanted.limit > self.piece:
            raise TooLarge("the answer would be too large")
        found = await super().range(wanted, timeout_s=timeout_s)
        if wanted.range_end and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return found


def test_who_comes_while_the_queue_is_read_is_not_seen_in_part(agent: Agent) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        crossed = Crossed(client.endpoint)
        crossed.piece = 1

        async def come() -> None:
            await client.put("e/1", "first")  # where it was read already
            await client.put("e/c", "second")

        for key in ("e/5-", "e/7-"):
            await client.put(key, "no place")
        crossed.meanwhile = come
        seen = crossed.elect("e").observe()
        assert await anext(seen) is None, "so it was as reading began"
        leader = await anext(seen)
        assert leader is not None and leader.value == b"first"
        await seen.aclose()

    asyncio.run(work())


@pytest.mark.parametrize("anew", [False, True])
def test_who_goes_before_its_word_is_read_does_not_lead(agent: Agent, anew: bool) -> None:
    async def work() -> None:
        client = pycluster.connect_async(agent.path)
        crossed = Crossed(client.endpoint)

        async def go() -> None:
            await client.delete("e/1")
            if anew:
                await client.put("e/1", "last")

        await client.put("e/1", "first")
        await client.put("e/c", "second")
        crossed.meanwhile = go
        leader = await crossed.elect("e").leader()
        assert leader is not None and leader.value == b"second"

    asyncio.run(work())


class Busy:
    """A real state in which ``between`` happens after the first answer; ``pause_s`` before each."""

    timeout_s = 5.0

    def __init__(self, names: list[bytes], *between: store.Write, pause_s: float = 0.0) -> None:
        self.state = store.Store(store.Params())
        for name in names:
            self.write(store.Put(name))
        self.between = between
        self.pause_s = pause_s

    def write(self, what: store.Write) -> None:
        self.state.apply(store.Command(b"", what))

    async def range(self, wanted: store.Range, *, timeout_s: float | None = None) -> store.RangeResult:
        await asyncio.sleep(self.pause_s)
        found = self.state.range(wanted)
        if isinstance(found, store.Failure):
            raise Compacted("it is forgotten")
        if not wanted.range_end and not found.kvs:
            raise NotFound("it is not there")
        between, self.between = self.between, ()
        for what in between:
            self.write(what)
        return found

    async def grant(self, ttl_s: int, *, timeout_s: float | None = None) -> store.LeaseGrantResult:
        return store.LeaseGrantResult(1, 7, ttl_s)

    async def keep_alive(self, lease: int, *, timeout_s: float | None = None) -> int:
        return 10

    async def revoke(self, lease: int) -> int:
        return 1

    async def txn(self, *_: object, timeout_s: float | None = None) -> store.TxnResult:
        return store.TxnResult(self.state.revision + 1, succeeded=True)

    async def watch(self, key: bytes, *, prefix: bool = False, revision: int = 0) -> AsyncGenerator[store.Event, None]:
        raise AssertionError(key)
        yield


OTHERS = [b"svc/%04x-cfg" % number for number in range(1_200)]


@pytest.mark.parametrize("forgotten", [False, True])
def test_somebody_leads_though_who_did_goes_as_the_queue_is_read(forgotten: bool) -> None:
    """The next one came in behind what was read, and the one before it went from what was not."""
    between: list[store.Write] = [store.Put(b"svc/01"), store.DeleteRange(b"svc/f0")]
    if forgotten:
        between.append(store.Compact(1_204))
    state = Busy([*OTHERS, b"svc/f0"], *between)
    leader = asyncio.run(AsyncElection(state, b"svc", b"", 10, None).leader())
    assert leader is not None and leader.key == b"svc/01"


def test_a_long_queue_is_read_no_longer_than_somebody_waits() -> None:
    async def work(clock: Callable[[], float]) -> float:
        state = Busy([b"svc/%x-cfg" % number for number in range(20_000)], pause_s=0.2)
        with pytest.raises(TimedOut):
            await AsyncLock(state, b"svc", 600, 0.1).acquire()
        return clock()

    assert 1.1 < in_virtual_time(work) < 1.6
