"""The log-in at etcd, with members that take it, refuse it, or say nothing: who is asked next, what is certain."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from pycluster import store
from pycluster.engines.etcd import Access, Etcd
from pycluster.engines.etcd.connection import Unsent
from pycluster.engines.etcd.members import Members
from pycluster.engines.etcd.refusals import Refusal
from pycluster.kernel.errors import LocalMisuse
from pycluster.store import Failure, Put, PutResult, Range, RangeResult
from tests.unit.engines.etcd_members import Member, Says, ok, play, refused, result
from tests.unit.runtime.waiting import until

LOGIN = "auth/authenticate"


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text("p\n")
    return str(file)


def at_login(said: tuple[int, bytes] | None) -> Says:
    """Says this to a log-in, and takes all else."""
    return lambda path, body, head: said if path == LOGIN else ok()


async def done(engine: Etcd, request: store.Request) -> store.Result:
    """However slow this machine is; where it is not done at all, the scene's time is over."""
    while isinstance(told := await result(engine, request, timeout_s=2, request_id=b"id"), Failure):
        assert told.kind in ("no-leader", "timed-out"), told
    return told


@pytest.mark.parametrize("request_", [Put(b"k"), Range(b"k")])
def test_a_member_that_says_nothing_to_a_login_holds_nobody_up(password: str, request_: store.Request) -> None:
    mute, well = Member(at_login((1_200, b""))), Member(at_login(ok(token="t")))

    async def scene(engine: Etcd) -> None:
        assert await done(engine, request_) in (PutResult(7), RangeResult(7))
        assert set(mute.heard) == {LOGIN}
        assert engine.view().endpoints[0].problem == f"{mute.url}: no answer in time"

    play(scene, mute, well, user="u", password_file=password)


@pytest.mark.parametrize(
    "said",
    [
        refused("etcdserver: request timed out"),
        refused("etcdserver: leader changed"),
        refused("etcdserver: too many requests"),
        (404, b"Not Found"),
        (200, b"{}"),
        None,
    ],
)
def test_a_member_that_cannot_log_in_is_left_for_the_next(password: str, said: tuple[int, bytes] | None) -> None:
    first, second = Member(at_login(said)), Member(at_login(ok(token="t")))

    async def scene(engine: Etcd) -> None:
        assert await done(engine, Put(b"k")) == PutResult(7)
        assert (set(first.heard), second.heard) == ({LOGIN}, [LOGIN, "kv/put"])

    play(scene, first, second, user="u", password_file=password)


def test_a_write_whose_login_is_not_answered_was_certainly_not_made(password: str) -> None:
    said = [refused("etcdserver: request timed out")]
    member = Member(lambda path, body, head: said[0] if path == LOGIN else ok())

    async def scene(engine: Etcd) -> None:
        while True:
            lost = await result(engine, Put(b"k"), timeout_s=0.5, request_id=b"id")
            assert isinstance(lost, Failure) and lost.kind == "no-leader"
            if "request timed out" in lost.detail:  # half a second may be over before anybody is asked
                break
        said[0] = ok(token="t")
        assert await done(engine, Put(b"k")) == PutResult(7), "under the same ID"

    play(scene, member, user="u", password_file=password)


def test_who_is_not_let_in_is_told_so_by_the_first_member(password: str) -> None:
    first = Member(at_login(refused("etcdserver: authentication failed, invalid user ID or password")))
    second = Member(at_login(ok(token="t")))

    async def scene(engine: Etcd) -> None:
        told = await result(engine, Put(b"k"))
        assert isinstance(told, Failure) and told.kind == "bad-request" and "authentication failed" in told.detail
        assert second.heard == []

    play(scene, first, second, user="u", password_file=password)


def test_a_login_is_for_members_that_know_a_leader(password: str) -> None:
    heads: list[str] = []

    def says(path: str, body: bytes, head: str) -> tuple[int, bytes]:
        heads.append(head)
        return ok(token="t") if path == LOGIN else ok()

    async def scene(engine: Etcd) -> None:
        assert await result(engine, Range(b"k", serializable=True)) == RangeResult(7)
        assert ["grpc-metadata-hasleader: true" in head for head in heads] == [True, False]

    play(scene, Member(says), user="u", password_file=password)


@pytest.mark.parametrize("why", ["not let in", "no leader", "no password", "cancelled"])
def test_a_stream_whose_login_fails_leaves_no_connection_open(password: str, why: str) -> None:
    said = {
        "not let in": refused("etcdserver: authentication failed, invalid user ID or password"),
        "no leader": refused("etcdserver: no leader"),
    }
    member = Member(at_login(said.get(why, (1_200, b""))))

    async def scene(_: Etcd) -> None:
        file = "" if why == "no password" else password
        members = Members(Access((member.url,), user="u", password_file=file))
        stream = asyncio.ensure_future(members.stream())
        if why == "cancelled":
            await until(lambda: bool(member.heard))
            stream.cancel()
        with suppress(Refusal, Unsent, LocalMisuse, asyncio.CancelledError):
            await stream
        await until(lambda: member.met == 1 and not member.open)

    play(scene, member)


def test_a_password_that_cannot_be_read_for_a_while_does_not_end_the_looks_at_etcd(password: str) -> None:
    said: list[tuple[int, bytes]] = [refused("etcdserver: no leader")]
    file, away = Path(password), Path(f"{password}.away")

    def move(one: Path, other: Path) -> None:
        one.rename(other)

    def says(path: str, body: bytes, head: str) -> tuple[int, bytes]:
        return said[0] if path == LOGIN else ok(leader="3")

    async def scene(engine: Etcd) -> None:
        engine.start()
        await until(lambda: "no leader" in engine.view().problem)
        move(file, away)
        await until(lambda: "cannot be read" in engine.view().problem)
        said[0] = ok(token="t")
        move(away, file)
        await until(lambda: not engine.view().problem)

    play(scene, Member(says), Member(lambda path, body, head: None), user="u", password_file=password)
