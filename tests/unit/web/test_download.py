"""The whole state as a file over HTTP: whole, or visibly not; given to this machine alone, and to few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pycluster import store
from pycluster.client import AgentFailed, AgentUnreachable, Client, Endpoint, NoQuorum
from pycluster.kernel.errors import LocalFault
from pycluster.storage import archives
from pycluster.store import ArchiveReader, Command, Failure, Put
from pycluster.web import Access, Bounds
from pycluster.web.app import App, make_app
from tests.unit.web.caller import ELSEWHERE, Call, call
from tests.unit.web.fake import Agent, FakeCluster
from tests.unit.web.fakestate import FakeState

PATH = "/api/v1/snapshot"


def filled(state: FakeState, keys: int = 40, size: int = 20_000) -> FakeState:
    """Some pieces of state."""
    for number in range(keys):
        state.store.apply(Command(b"", Put(b"k%02d" % number, bytes(size))))
    return state


def app(state: FakeState, bounds: Bounds | None = None) -> App:
    return make_app(FakeCluster(), Access(), bounds=bounds, state=state, copies=state)


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(60):
            await scene()

    asyncio.run(run())


async def get(one: App, path: str = PATH, **how: Any) -> Any:
    return await call(one, path, method="GET", **how)


def test_the_answer_is_the_state_of_one_moment_as_a_file() -> None:
    async def scene() -> None:
        state = filled(FakeState())
        reply = await get(app(state))
        assert reply.status == 200
        assert reply.headers["content-type"] == "application/octet-stream"
        reader, building = ArchiveReader(), store.SnapshotReader(state.store.params)
        for piece in reader.feed(reply.body):
            building.feed(piece)
        assert len(reader.finish()) == 64 and reader.manifest is not None
        assert reader.manifest.made_ms > 1_700_000_000_000
        assert building.finish().digest() == state.store.digest()
        assert state.copied == [(False, 5.0)] and not state.store.writers

    play(scene)


def test_who_calls_from_elsewhere_or_through_a_proxy_gets_nothing() -> None:
    async def scene() -> None:
        state = FakeState()
        assert (await get(app(state), client=ELSEWHERE)).status == 403
        assert (await get(app(state), headers={"via": "1.1 proxy"})).status == 403
        assert not state.copied

    play(scene)


def test_failures_have_their_answers_before_anything_is_sent() -> None:
    async def scene() -> None:
        state = FakeState()
        for kind, status in (("no-leader", 503), ("timed-out", 504)):
            state.failures = [Failure(kind, "so it is")]  # type: ignore[arg-type]
            reply = await get(app(state))
            assert reply.status == status and b"so it is" in reply.body
        assert (await get(make_app(FakeCluster(), Access()))).status == 503
        state.holds = False
        reply = await get(app(state))
        assert reply.status == 503 and b"on node001 (192.0.2.1): pycluster snapshot save FILE" in reply.body

    play(scene)


def test_few_at_a_time_are_served_and_each_gives_its_place_back() -> None:
    async def scene() -> None:
        one = app(state := filled(FakeState()), Bounds(snapshots_max=1))
        async with Call(one, PATH, method="GET") as first:
            first.takes.clear()
            await asyncio.sleep(0.05)
            assert state.store.writers == 1
            reply = await get(one)
            assert reply.status == 503 and "retry-after" in reply.headers
            first.takes.set()
            assert (await first.reply()).status == 200
        assert not state.store.writers
        assert (await get(one)).status == 200

    play(scene)


def test_a_reader_that_goes_or_takes_nothing_lets_the_state_go() -> None:
    async def scene() -> None:
        one = app(state := filled(FakeState()), Bounds(reader_timeout_s=0.05))
        async with Call(one, PATH, method="GET") as stuck:
            await stuck._read()
            stuck.takes.clear()
            while not stuck.task.done():  # noqa: ASYNC110  the server ends by itself
                await asyncio.sleep(0.01)
            stuck.takes.set()
        assert not state.store.writers
        async with Call(one, PATH, method="GET") as gone:
            gone.leave()
        assert not state.store.writers

    play(scene)


def test_the_query_is_judged() -> None:
    async def scene() -> None:
        state = FakeState()
        for scope in ("serializable=2", "other=1", "timeout_ms=0"):
            async with Call(app(state), PATH, method="GET") as wrong:
                wrong._scope["query_string"] = scope.encode()
                wrong.say(b"")
                assert (await wrong.reply()).status == 400, scope
        async with Call(app(state), PATH, method="GET") as right:
            right._scope["query_string"] = b"serializable=1&timeout_ms=1500"
            right.say(b"")
            assert (await right.reply()).status == 200
        assert state.copied == [(True, 1.5)]

    play(scene)


def test_a_client_makes_a_file_of_it_and_none_of_what_is_cut_short(tmp_path: Path) -> None:
    path = str(tmp_path / "a.snapshot")
    with Agent(tmp_path) as agent:
        filled(agent.state)
        client = Client(Endpoint(path=agent.path))
        archives.write(path, client.snapshot())
        assert archives.read(path, agent.state.store.params).state.digest() == agent.state.store.digest()
        agent.state.cut = True
        with pytest.raises((LocalFault, AgentUnreachable)):
            archives.write(str(tmp_path / "b.snapshot"), client.snapshot(serializable=True))
        assert not (tmp_path / "b.snapshot").exists()
        agent.state.cut = False
        agent.state.failures = [Failure("no-leader")]
        with pytest.raises(NoQuorum):
            archives.write(str(tmp_path / "b.snapshot"), client.snapshot())
        agent.state.holds = False
        with pytest.raises(AgentFailed, match="no snapshot was made"):
            archives.write(str(tmp_path / "b.snapshot"), client.snapshot())
        assert sorted(one.name for one in tmp_path.iterdir() if one.suffix == ".snapshot") == ["a.snapshot"]
