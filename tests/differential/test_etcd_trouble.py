"""etcd as engine, and what may go wrong with it: members lost, streams cut, passwords, certificates, no etcd at all."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import subprocess
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import msgspec
import pytest

from pycluster.engines.etcd import Access, Etcd
from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.url import Url
from pycluster.node.ports import StateFailed
from pycluster.store import (
    Compact,
    Compare,
    Failure,
    LeaseGrant,
    LeaseGrantResult,
    LeaseKeepAlive,
    LeaseKeepAliveResult,
    Put,
    Range,
    RangeResult,
    Txn,
    TxnResult,
    Watch,
    WatchBatch,
)
from tests.differential import etcd as real
from tests.differential.engines import asked, etcd, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

Three = tuple[real.Member, ...]


@pytest.fixture
def three() -> Iterator[Three]:
    with real.members(3) as members:
        for member in members:
            member.start()
        for member in members:
            real.await_health(member)
        yield members


def access(*members: real.Member) -> Access:
    return Access(tuple(Url.parse(member.url) for member in members))


async def puts(engine: Etcd, *values: bytes) -> None:
    """Each certainly made, once: where nobody knows, as when a leader is lost meanwhile, it is asked for again."""
    for value in values:
        made = Compare(b"k", "value", "equal", value=value)
        put = Txn((made,), (), (Put(b"k", value),))
        while not isinstance(done := await asked(engine, put, timeout_s=60), TxnResult):
            assert isinstance(done, Failure) and done.kind == "outcome-unknown", done


async def heard(watch: AsyncGenerator[WatchBatch, None], count: int) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < count:
        found += [event.kv.value for event in (await anext(watch)).events]
    return found


def test_a_watch_and_a_lease_go_on_when_a_member_is_killed(three: Three) -> None:
    async def scene() -> None:
        async with asyncio.timeout(120), etcd(access(*three)) as engine:
            lease = await asked(engine, LeaseGrant(60))
            assert isinstance(lease, LeaseGrantResult)
            watch = engine.watch(Watch(b"k"))
            await anext(watch)
            await puts(engine, b"1")
            assert await heard(watch, 1) == [b"1"]
            # All it does goes to the first that answered.
            three[0].kill()
            await asked(engine, Range(b"k"), timeout_s=60)
            await puts(engine, b"2", b"3")
            assert await heard(watch, 2) == [b"2", b"3"]
            kept = await asked(engine, LeaseKeepAlive(lease.id), timeout_s=60)
            assert isinstance(kept, LeaseKeepAliveResult) and kept.ttl_s == 60
            # Another one may have been slow while its members elected.
            assert three[0].url in [view.url for view in engine.view().endpoints if view.problem]
            await watch.aclose()

    asyncio.run(scene())


def test_a_member_without_a_majority_hands_its_watches_on_and_refuses_without_doing(three: Three) -> None:
    async def scene() -> None:
        async with asyncio.timeout(120), etcd(access(three[0])) as engine:
            await puts(engine, b"1")
            watch = engine.watch(Watch(b"k"))
            await anext(watch)
            three[1].kill()
            three[2].kill()
            # A write that is under way as the majority goes may have been made; later ones certainly not.
            while True:
                refused = await asked(engine, Put(b"other"), timeout_s=0.5)
                assert isinstance(refused, Failure) and refused.kind in ("no-leader", "outcome-unknown"), refused
                if refused.kind == "no-leader":
                    break
            there = await asked(engine, Range(b"k", serializable=True), timeout_s=60)
            assert isinstance(there, RangeResult) and there.count == 1, "what it has it may tell"
            three[1].start()
            await puts(engine, b"2")
            assert await heard(watch, 1) == [b"2"]
            await watch.aclose()

    asyncio.run(scene())


def test_a_watch_that_was_cut_while_its_past_was_compacted_says_so() -> None:
    async def scene(member: real.Member) -> None:
        relay = Relay(member.port)
        server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
        through = Access((Url("127.0.0.1", server.sockets[0].getsockname()[1]),))
        async with asyncio.timeout(120), etcd(through) as cut, etcd(access(member)) as engine:
            watch = cut.watch(Watch(b"k"))
            await anext(watch)
            await puts(engine, b"1")
            assert await heard(watch, 1) == [b"1"]
            relay.cut()
            await puts(engine, b"2", b"3", b"4")
            relay.mend()
            assert await heard(watch, 3) == [b"2", b"3", b"4"], "what happened meanwhile is told"
            relay.cut()
            await puts(engine, b"5", b"6", b"7")
            await asked(engine, Compact(7))
            relay.mend()
            with pytest.raises(StateFailed) as failed:
                await anext(watch)
            assert (failed.value.failure.kind, failed.value.failure.compact_revision) == ("compacted", 7)
            relay.cut()
        server.close()

    with real.members(1) as (member,):
        member.start()
        real.await_health(member)
        asyncio.run(scene(member))


class Relay:
    """Between a client and a member; while it is cut nobody gets through."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._whole = True
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        self._whole = False
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        self._whole = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        inner, out = await asyncio.open_connection("127.0.0.1", self._port)
        if not self._whole:
            writer.transport.abort()
            out.transport.abort()
            return
        self._writers |= {writer, out}
        await asyncio.gather(self._pass(reader, out), self._pass(inner, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
        except OSError:
            pass
        writer.transport.abort()
        self._writers.discard(writer)


def test_a_write_whose_answer_is_lost_is_in_doubt_and_never_sent_twice() -> None:
    async def scene() -> None:
        bodies: list[bytes] = []

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"/v3/kv/put" in head or b"/v3/lease/revoke" in head:
                bodies.append(head.split()[1])
            writer.transport.abort()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(60), etcd(Access((Url("127.0.0.1", port),))) as engine:
            for _ in range(2):
                lost = await asked(engine, Put(b"k"), b"id", timeout_s=5)
                assert isinstance(lost, Failure) and lost.kind == "outcome-unknown"
            assert bodies == [b"/v3/kv/put"], "nor when it is asked again"
            read = await asked(engine, Range(b"k"), timeout_s=0.3)
            assert isinstance(read, Failure) and read.kind in ("timed-out", "no-leader")
        server.close()

    asyncio.run(scene())


def test_without_etcd_it_is_said_and_all_begins_when_it_comes() -> None:
    async def scene(member: real.Member) -> None:
        async with asyncio.timeout(120), etcd(access(member)) as engine:
            told = ""
            while f"{member.url}: Connection refused" not in told:  # half a second may be over before anybody is
                refused = await asked(engine, Put(b"k"), timeout_s=0.5)
                assert isinstance(refused, Failure) and refused.kind == "no-leader"
                told = refused.detail
            assert engine.head().leader_id == 0
            watch = engine.watch(Watch(b"k"))
            first = asyncio.ensure_future(anext(watch))
            await asyncio.sleep(0)
            member.start()
            await first
            await puts(engine, b"1")
            assert await heard(watch, 1) == [b"1"]
            assert engine.head().leader_id == 3
            await watch.aclose()

    with real.members(1) as (member,):
        asyncio.run(scene(member))


def test_a_user_logs_in_and_a_wrong_password_is_no_outage(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("right\n")
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")

    async def scene(url: Url) -> None:
        right = Access((url,), user="root", password_file=str(secret))
        async with asyncio.timeout(60), etcd(right) as engine:
            watch = engine.watch(Watch(b"k"))
            await anext(watch)
            await puts(engine, b"1")
            assert await heard(watch, 1) == [b"1"]
            await watch.aclose()
        for refused in (Access((url,)), Access((url,), user="root", password_file=str(wrong))):
            async with asyncio.timeout(60), etcd(refused) as engine:
                for request in (Put(b"k"), Range(b"k")):
                    answer = await asked(engine, request)
                    assert isinstance(answer, Failure) and answer.kind == "bad-request", answer
                with pytest.raises(StateFailed, match="bad-request: etcd: "):
                    await anext(engine.watch(Watch(b"k")))
        gone = Access((url,), user="root", password_file=str(tmp_path / "gone"))
        async with asyncio.timeout(60), etcd(gone) as engine:
            answer = await asked(engine, Put(b"k"))
            assert isinstance(answer, Failure) and "gone cannot be read: No such file" in answer.detail
            with pytest.raises(StateFailed, match=r"bad-request: .*gone cannot be read"):
                await anext(engine.watch(Watch(b"k")))

    with real.running() as process:
        only_for_root(process)
        asyncio.run(scene(Url("127.0.0.1", process.port)))


def only_for_root(process: real.Etcd) -> None:
    """Whose password is ``right``."""
    for path, body in (
        ("user/add", b'{"name":"root","password":"right"}'),
        ("role/add", b'{"name":"root"}'),
        ("user/grant", b'{"user":"root","role":"root"}'),
        ("enable", b"{}"),
    ):
        status, said = process.ask(f"/v3/auth/{path}", body)
        assert status == 200, said


def test_a_member_that_is_stopped_before_anybody_logged_in_holds_nobody_up(three: Three, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("right\n")
    with contextlib.closing(real.Etcd(three[0].port, three[0].log)) as process:
        only_for_root(process)
    assert three[0].process is not None
    three[0].process.send_signal(signal.SIGSTOP)

    async def scene() -> None:
        root = msgspec.structs.replace(access(*three), user="root", password_file=str(secret))
        async with asyncio.timeout(120), etcd(root) as engine:
            watch = engine.watch(Watch(b"k"))
            await anext(watch)
            # If it was the leader, the others elect first.
            while isinstance(await asked(engine, Range(b"k"), timeout_s=4), Failure):
                pass
            await puts(engine, b"1", b"2")
            assert await heard(watch, 2) == [b"1", b"2"]
            await watch.aclose()

    asyncio.run(scene())


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Self-made, for the loopback address, good for a day."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*made, *subject, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_tls_proves_both_sides(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "etcd")
    own, own_key = certificate(tmp_path, "agent")
    # etcd's gateway is a client of etcd's, under the member's own certificate.
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(cert.read_text() + own.read_text())
    tls = (f"--cert-file={cert}", f"--key-file={key}", "--client-cert-auth", f"--trusted-ca-file={trusted}")

    async def scene(url: Url) -> None:
        both = Access((url,), ca_file=str(cert), cert_file=str(own), key_file=str(own_key))
        async with asyncio.timeout(60), etcd(both) as engine:
            await puts(engine, b"1")
        for stranger in (
            Access((url,), ca_file=str(own), cert_file=str(own), key_file=str(own_key)),
            Access((url,), ca_file=str(cert)),
        ):
            async with asyncio.timeout(60), etcd(stranger) as engine:
                refused = await asked(engine, Put(b"k"), timeout_s=1)
                assert isinstance(refused, Failure) and refused.kind != "bad-request", refused
        with pytest.raises(LocalMisuse, match="the certificates for etcd cannot be used"):
            Etcd(Access((url,), ca_file=str(key)), engine.head)

    with real.members(1, *tls, scheme="https") as (member,):
        member.start()
        asyncio.run(scene(Url.parse(member.url)))
