"""The engine over etcd, with members that say what a test wants: who is asked, what is sent again, what never is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from pycluster import store
from pycluster.engines.etcd import Access, Etcd
from pycluster.engines.etcd.connection import Unsent
from pycluster.engines.etcd.members import Members
from pycluster.engines.etcd.refusals import Refusal
from pycluster.engines.etcd.remembered import REMEMBERED_MAX, Remembered
from pycluster.engines.etcd.requests import asked
from pycluster.engines.etcd.watching import follow
from pycluster.kernel.url import Url
from pycluster.store import Failure, LeaseGrant, LeaseRevoke, Put, PutResult, Range, RangeResult, Watch, WatchBatch
from tests.unit.engines.etcd_members import Member, ok, play, refused, result
from tests.unit.runtime.waiting import until


@pytest.mark.parametrize("message", ["no leader", "rpc not supported for learner", "not capable", "too many requests"])
def test_what_a_member_may_not_take_goes_to_the_next(message: str) -> None:
    first = Member(lambda path, body, head: refused(f"etcdserver: {message}"))
    second = Member(lambda path, body, head: ok())

    async def scene(engine: Etcd) -> None:
        assert await result(engine, Put(b"k")) == PutResult(7)
        assert await result(engine, Put(b"k")) == PutResult(7)
        assert (first.heard, second.heard) == (["kv/put"], ["kv/put"] * 2), "it stays with whom it found"

    play(scene, first, second)


def test_a_member_that_failed_is_left_alone_while_there_is_another_and_taken_back_when_it_lives() -> None:
    wrong = [True]
    first = Member(lambda path, body, head: None if wrong[0] else ok())
    second = Member(lambda path, body, head: ok())

    async def scene(engine: Etcd) -> None:
        engine.start()
        for _ in range(2):
            assert await result(engine, Range(b"k")) == RangeResult(7)
        await until(lambda: first.looks > 2 and bool(engine.view().endpoints[0].problem))
        assert await result(engine, Put(b"k")) == PutResult(7), "though the pause of the first is over"
        wrong[0] = False
        await until(lambda: not engine.view().endpoints[0].problem)
        await result(engine, Put(b"k"))
        assert (first.heard[-1], second.heard.count("kv/put")) == ("kv/put", 1)

    play(scene, first, second)


def test_a_member_that_failed_with_many_requests_is_left_alone_no_longer_than_with_one() -> None:
    wrong = [True]
    member = Member(lambda path, body, head: None if wrong[0] else ok())

    async def scene(engine: Etcd) -> None:
        lost = await asyncio.gather(*(result(engine, Put(b"k")) for _ in range(30)))
        assert all(isinstance(one, Failure) for one in lost)
        wrong[0] = False
        # It would not be asked at all in this time if it was left alone for the longest one.
        assert await result(engine, Put(b"k"), timeout_s=4.5) == PutResult(7)

    play(scene, member)


def test_a_write_is_sent_once_and_a_read_until_it_is_answered() -> None:
    silent = Member(lambda path, body, head: None)
    other = Member(lambda path, body, head: ok(count="0"))

    async def scene(engine: Etcd) -> None:
        lost = await result(engine, Put(b"k"), request_id=b"id")
        assert isinstance(lost, Failure) and lost.kind == "outcome-unknown"
        assert other.heard == []
        assert await result(engine, Put(b"k"), request_id=b"id") == lost
        assert await result(engine, Range(b"k")) == RangeResult(7)
        assert silent.heard.count("kv/put") == 1 and "kv/put" not in other.heard

    play(scene, silent, other)


@pytest.mark.parametrize("message", ["etcdserver: request timed out", "etcdserver: server stopped", "whatever"])
def test_a_refusal_that_leaves_it_open_is_in_doubt(message: str) -> None:
    member = Member(lambda path, body, head: refused(message))

    async def scene(engine: Etcd) -> None:
        lost = await result(engine, Put(b"k"))
        assert isinstance(lost, Failure) and (lost.kind, lost.detail) == ("outcome-unknown", f"etcd: {message}")
        assert member.heard == ["kv/put"]

    play(scene, member)


def test_a_write_that_found_no_space_is_in_doubt_for_etcd_may_have_made_it() -> None:
    member = Member(lambda path, body, head: refused("etcdserver: mvcc: database space exceeded"))

    async def scene(engine: Etcd) -> None:
        lost = await result(engine, Put(b"k"))
        assert isinstance(lost, Failure) and lost.kind == "outcome-unknown"
        assert lost.detail == "etcd: etcdserver: mvcc: database space exceeded, and etcd may have done it nevertheless"
        assert member.heard == ["kv/put"]

    play(scene, member)


def test_what_changes_nothing_twice_is_sent_again_and_a_refusal_may_be_its_success() -> None:
    answers = {
        "lease/grant": refused("etcdserver: lease already exists"),
        "lease/revoke": refused("etcdserver: requested lease not found"),
        "lease/timetolive": ok(TTL="58", grantedTTL="60"),
    }
    tried: set[str] = set()

    def says(path: str, body: bytes, head: str) -> tuple[int, bytes] | None:
        if path in tried or path == "lease/timetolive":
            return answers.get(path, ok())
        tried.add(path)
        return None

    async def scene(engine: Etcd) -> None:
        granted = await result(engine, LeaseGrant(60))
        assert isinstance(granted, store.LeaseGrantResult) and granted.ttl_s == 60
        revoked = await result(engine, LeaseRevoke(7))
        assert isinstance(revoked, store.LeaseRevokeResult)
        again = await result(engine, LeaseRevoke(7))
        assert isinstance(again, Failure) and again.kind == "lease-not-found", "of the first try it is a refusal"

    play(scene, Member(says))


def test_a_renewal_that_no_leader_took_says_so() -> None:
    error = b'{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}}'
    member = Member(lambda path, body, head: (503, error))

    async def scene(engine: Etcd) -> None:
        told = f"no member of etcd takes it: {member.url}: etcdserver: no leader"
        while await result(engine, store.LeaseKeepAlive(5), timeout_s=0.5) != Failure("no-leader", told):
            pass  # half a second may be over before anybody is asked, or answers

    play(scene, member)


def test_an_outdated_login_is_made_anew_once(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("p\n")
    logins: list[bytes] = []

    def says(path: str, body: bytes, head: str) -> tuple[int, bytes]:
        if path == "auth/authenticate":
            logins.append(body)
            return ok(token=f"t{len(logins)}")
        return ok() if "authorization: t2" in head else refused("etcdserver: invalid auth token")

    async def scene(engine: Etcd) -> None:
        assert await result(engine, Put(b"k")) == PutResult(7)
        assert logins == [b'{"name":"u","password":"p"}'] * 2

    play(scene, Member(says), user="u", password_file=str(secret))


def test_only_reads_that_may_be_old_are_answered_without_a_leader() -> None:
    heads: list[bool] = []

    def says(path: str, body: bytes, head: str) -> tuple[int, bytes]:
        if path == "kv/range":
            heads.append("grpc-metadata-hasleader: true" in head)
        return ok()

    async def scene(engine: Etcd) -> None:
        await result(engine, Range(b"k"))
        await result(engine, Range(b"k", serializable=True))
        assert heads == [True, False]

    play(scene, Member(says))


def test_a_watch_begins_anew_behind_what_it_told() -> None:
    bodies: list[int] = []

    def line(**fields: object) -> bytes:
        return msgspec.json.encode({"result": {"header": {"revision": "9"}, **fields}}) + b"\n"

    def says(path: str, body: bytes, head: str) -> tuple[int, bytes]:
        if path != "watch":
            return ok()
        at = msgspec.json.decode(body)["create_request"]["start_revision"]
        bodies.append(at)
        pair = {"key": "aw==", "mod_revision": str(max(at, 10)), "version": "1"}
        return 200, line(created=True) + line(events=[{"kv": pair}]) + line()

    async def scene(engine: Etcd) -> None:
        watch = engine.watch(Watch(b"k"))
        assert await anext(watch) == WatchBatch(9)
        for revision in (10, 11, 12):
            batch = await anext(watch)
            assert [event.kv.mod_revision for event in batch.events] == [revision]
        assert bodies == [0, 11, 12]
        await watch.aclose()

    play(scene, Member(says))


def test_a_watch_leaves_a_member_that_neither_speaks_nor_lives() -> None:
    created = b'{"result":{"header":{"revision":"9"},"created":true}}\n'
    event = b'{"result":{"header":{"revision":"10"},"events":[{"kv":{"key":"aw==","mod_revision":"10"}}]}}\n'
    frozen = Member(lambda path, body, head: (1_200, created if path == "watch" else b""))
    alive = Member(lambda path, body, head: (1_200, created + event) if path == "watch" else ok())

    async def scene() -> None:
        servers = [await member.start() for member in (frozen, alive)]
        members = Members(Access((frozen.url, alive.url)))
        watch = follow(members, Watch(b"k"), 0.05, 0.05)
        assert await anext(watch) == WatchBatch(9)
        assert [told.kv.mod_revision for told in (await anext(watch)).events] == [10]
        await watch.aclose()
        members.close()
        for server in servers:
            server.close()
        await asyncio.sleep(0.01)

    asyncio.run(scene())


def test_a_watch_leaves_a_member_that_knows_no_leader() -> None:
    error = b'{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}}'
    first = Member(lambda path, body, head: (503, error))
    second = Member(lambda path, body, head: (1_200, b'{"result":{"header":{"revision":"9"},"created":true}}\n'))

    async def scene(engine: Etcd) -> None:
        watch = engine.watch(Watch(b"k"))
        assert await anext(watch) == WatchBatch(9)
        assert first.heard == ["watch"] and engine.view().endpoints[0].problem == f"{first.url}: etcdserver: no leader"
        await watch.aclose()

    play(scene, first, second)


def test_a_stream_that_connects_while_all_ends_is_none() -> None:
    member = Member(lambda path, body, head: ok())

    async def scene(_: Etcd) -> None:
        members = Members(Access((member.url,)))
        stream = asyncio.ensure_future(members.stream())
        await asyncio.sleep(0)
        members.close()
        with pytest.raises(Unsent, match="the agent is stopping"):
            await stream
        await until(lambda: member.met == 1 and not member.open)

    play(scene, member)


def test_what_may_have_been_made_before_a_refusal_is_in_doubt() -> None:
    tried: list[str] = []

    def says(path: str, body: bytes, head: str) -> tuple[int, bytes] | None:
        tried.append(path)
        return None if len(tried) == 1 else refused("etcdserver: no leader")

    async def scene(engine: Etcd) -> None:
        lost: store.Result = Failure("no-leader")
        while not tried and getattr(lost, "kind", "") == "no-leader":  # half a second may be over before anybody is
            lost = await result(engine, LeaseGrant(60), timeout_s=0.5)
        assert isinstance(lost, Failure) and lost.kind == "outcome-unknown"
        refusal = await result(engine, LeaseGrant(60), timeout_s=0.5)
        assert isinstance(refusal, Failure) and refusal.kind == "no-leader"

    play(scene, Member(says))


def test_members_that_say_nothing_are_no_missing_leader() -> None:
    mute = Member(lambda path, body, head: (1_200, b""))

    async def scene(engine: Etcd) -> None:
        while not mute.heard:  # what is over before anybody is asked says nothing about them
            await result(engine, Range(b"k"), timeout_s=0.3)
        for timeout_s in (0.3, 0.01):  # the second time nobody is asked: they are left alone for longer
            silent = await result(engine, Range(b"k"), timeout_s=timeout_s)
            assert isinstance(silent, Failure) and silent.kind == "timed-out"
            assert "no answer in time" in silent.detail

    play(scene, mute)


@pytest.mark.parametrize("told", [b'{"header":[]}', b'{"header":{"revision":"\xff"}}', b"[" * 5_000])
def test_nonsense_is_no_success(told: bytes) -> None:
    async def scene(engine: Etcd) -> None:
        for request, kind in ((Put(b"k"), "outcome-unknown"), (Range(b"k"), "timed-out")):
            odd = await result(engine, request)
            assert isinstance(odd, Failure) and odd.kind == kind

    play(scene, Member(lambda path, body, head: (200, told)))


def test_a_condition_says_its_number_also_where_that_is_0() -> None:
    path, body = asked(store.Txn((store.Compare(b"k"),)))
    (compare,) = msgspec.json.decode(body)["compare"]
    assert path == "/v3/kv/txn" and compare["version"] == 0 and compare["target"] == "VERSION"


def test_a_refusal_is_known_in_gRPCs_words_too() -> None:
    told = Refusal("rpc error: code = PermissionDenied desc = etcdserver: permission denied")
    assert told.failure(write=True) == Failure("bad-request", "etcd: etcdserver: permission denied")


def test_what_was_refused_may_be_asked_anew_and_large_answers_are_kept_without_what_they_read() -> None:
    before = store.KeyValue(b"k", b"v" * 2_000, 2, 2, 1)
    outcomes: list[store.Result] = [Failure("no-leader"), PutResult(3, before), PutResult(9)]

    async def write() -> store.Result:
        return outcomes.pop(0)

    async def scene() -> None:
        remembered = Remembered(1_024)
        assert await remembered.once(b"id", Put(b"k"), write) == Failure("no-leader")
        assert await remembered.once(b"id", Put(b"k"), write) == PutResult(3, before)
        assert await remembered.once(b"id", Put(b"k"), write) == PutResult(3)
        assert await remembered.once(b"", Put(b"k"), write) == PutResult(9)

    asyncio.run(scene())


def test_one_id_is_of_one_write_whether_it_is_made_or_under_way() -> None:
    async def scene() -> None:
        remembered, open_ = Remembered(1_024), asyncio.Event()

        async def write() -> store.Result:
            await open_.wait()
            return PutResult(3)

        async def never() -> store.Result:
            raise AssertionError("it is another write")

        first = asyncio.ensure_future(remembered.once(b"id", Put(b"k"), write))
        await asyncio.sleep(0)
        for moment in ("under way", "made"):
            for other in (Put(b"j"), store.Txn()):
                told = await remembered.once(b"id", other, never)
                assert isinstance(told, Failure) and told.kind == "bad-request", moment
            open_.set()
            assert await first == PutResult(3)
        assert await remembered.once(b"id", Put(b"k"), never) == PutResult(3)

    asyncio.run(scene())


def test_what_is_under_way_is_not_forgotten_however_many_are_made_meanwhile() -> None:
    async def scene() -> None:
        remembered, open_ = Remembered(1_024), asyncio.Event()
        writes: list[bytes] = []

        async def slow() -> store.Result:
            writes.append(b"slow")
            await open_.wait()
            return Failure("no-leader")

        async def quick() -> store.Result:
            writes.append(b"quick")
            return PutResult(7)

        first = asyncio.ensure_future(remembered.once(b"slow", Put(b"k"), slow))
        await asyncio.sleep(0)
        for number in range(REMEMBERED_MAX + 1):
            await remembered.once(b"%d" % number, Put(b"k"), quick)
        second = asyncio.ensure_future(remembered.once(b"slow", Put(b"k"), slow))
        await asyncio.sleep(0)
        open_.set()
        assert [await first, await second] == [Failure("no-leader")] * 2
        assert writes.count(b"slow") == 1
        await remembered.once(b"0", Put(b"k"), quick)
        await remembered.once(b"2", Put(b"k"), quick)
        assert writes.count(b"quick") == REMEMBERED_MAX + 2, "only the oldest is forgotten"

    asyncio.run(scene())


@pytest.mark.parametrize("text", ["a:1", "ftp://a:1", "http://a", "http://a:0", "http://a:65536", "http://a:1/x", ""])
def test_a_url_has_a_scheme_a_host_and_a_port(text: str) -> None:
    with pytest.raises(ValueError, match="is neither http://HOST:PORT nor https://HOST:PORT"):
        Url.parse(text)
    assert str(Url.parse("https://[::1]:2379/")) == "https://[::1]:2379"
