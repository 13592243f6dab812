"""Real agents whose state is in a real etcd: what they write is there, and its loss is said."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from pycluster.client import Endpoint, TimedOut
from pycluster.client.state import AsyncStateClient
from pycluster.engines.etcd import Access, Etcd
from pycluster.kernel.url import Url
from tests.cluster.agents import AgentProcess, fleet, free_port, wait_for
from tests.differential import etcd as real
from tests.differential.engines import OWN, missing
from tests.unit.web.fake import Agent

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

HOSTS = {"node001": "127.0.0.1", "node002": "127.0.0.2"}


def agents_on(folder: Path, member: real.Member, *without: str) -> tuple[AgentProcess, ...]:
    """An agent on each of ``HOSTS``; those ``without`` keep the state themselves."""
    port = free_port(*HOSTS.values())
    nodes = "".join(f"{name} = {host}:{port}\n" for name, host in HOSTS.items())
    made = []
    for name, host in HOSTS.items():
        conf = folder / f"{name}.conf"
        state = f"[state]\nengine = etcd\nendpoints = {member.url}\n" if name not in without else ""
        conf.write_text(f"[cluster]\nname = demo\n[nodes]\n{nodes}{state}")
        made.append(AgentProcess(name, folder, "-config", str(conf), "-bind-address", host, "-port", str(port)))
    return tuple(made)


def keys(etcd: real.Etcd) -> dict[bytes, bytes]:
    status, body = etcd.ask("/v3/kv/range", b'{"key":"AA==","range_end":"AA=="}')
    assert status == 200

    found = msgspec.json.decode(body).get("kvs", [])
    return {b64decode(pair["key"]): b64decode(pair.get("value", "")) for pair in found}


def test_what_any_agent_writes_is_in_etcd_and_its_loss_costs_no_leader(tmp_path: Path) -> None:
    with real.members(1) as (member,):
        member.start()
        real.await_health(member)
        agents = one, two = agents_on(tmp_path, member)
        with closing(real.Etcd(member.port, member.log)) as etcd, fleet(*agents):
            one.wait_says("Became new leader: node001")
            two.wait_says("Following new leader: node001")
            assert two.cli("kv", "put", "a", "1").returncode == 0
            assert one.cli("kv", "get", "a").stdout == b"1"
            (tmp_path / "x.yaml").write_text("x: 1\n")
            assert two.cli("config", "put", "svc/x", str(tmp_path / "x.yaml")).returncode == 0
            assert keys(etcd)[b"a"] == b"1"

            def configured() -> bool | None:
                return any(key.startswith(b"/pycluster/config/") for key in keys(etcd)) or None

            wait_for("the configuration is in etcd", configured)
            version = wait_version(two)
            assert f"etcd {version} at {member.url}" in two.cli("status").stdout.decode()
            member.kill()
            wait_for("the loss shows", lambda: lossy(one))
            assert b"no member of etcd takes it" in wait_for("a write is refused", lambda: refusal(one))
            wait_for("it leads as before", lambda: leads(one))
            member.start()
            wait_for("it goes on", lambda: one.cli("kv", "put", "a", "3").returncode == 0 or None)


def wait_version(agent: AgentProcess) -> str:
    def look() -> str | None:
        status = agent.peek()
        return status.engine.version or None if status is not None else None

    return wait_for("etcd's version is known", look)


def lossy(agent: AgentProcess) -> bool | None:
    status = agent.peek()
    return True if status is not None and "Connection refused" in status.engine.problem else None


def refusal(agent: AgentProcess) -> bytes | None:
    """What it says of a write that was not made; None where two seconds were too few to be sure of that."""
    ended = agent.cli("kv", "put", "a", "2", "-timeout", "2s")
    assert ended.returncode in (5, 6), ended
    return ended.stderr if ended.returncode == 5 else None


def leads(agent: AgentProcess) -> bool | None:
    status = agent.peek()
    return status.leader.acting or None if status is not None else None


def test_agents_with_different_engines_notice(tmp_path: Path) -> None:
    with real.members(1) as (member,):
        member.start()
        real.await_health(member)
        agents = one, two = agents_on(tmp_path, member, "node002")
        with fleet(*agents):
            one.wait_says("Warning: the state of node002 is in embedded, that of this node in etcd")
            two.wait_says("Warning: the state of node001 is in etcd, that of this node in embedded")


def test_locks_elections_leases_and_watches_are_as_ever(tmp_path: Path) -> None:
    made: list[Etcd] = []

    def state(url: str) -> Etcd:
        made.append(Etcd(Access((Url.parse(url),)), lambda: OWN))
        return made[0]

    async def play(port: int) -> None:
        async with asyncio.timeout(60), AsyncStateClient(Endpoint(host="127.0.0.1", port=port)) as client:
            async with client.lock("it"):
                with pytest.raises(TimedOut):
                    async with client.lock("it", wait_s=0.2):
                        pass
            async with client.lock("it", wait_s=30.0):
                pass
            async with client.elect("job", "me") as election:
                watch = client.watch("a")
                waiting = asyncio.ensure_future(anext(watch))
                leading = await anext(election.observe())
                assert leading is not None and leading.value == b"me"
            async with client.lease(10) as lease:
                while not waiting.done():
                    await client.put("a", "1", lease=lease.id)
                    await asyncio.wait((waiting,), timeout=0.1)
                assert (await waiting).kv.value == b"1"
            assert (await anext(watch)).kv.key == b"a"
            await watch.aclose()
            assert await client.get("a") is None, "it went with its lease"

    with real.members(1) as (member,):
        member.start()
        real.await_health(member)
        with Agent(tmp_path, state=lambda: state(member.url)) as agent:
            asyncio.run(play(agent.port))
            agent.loop.call_soon_threadsafe(made[0].close)


def test_etcds_own_lock_and_ours_exclude_one_another_whatever_else_lies_below_the_name(tmp_path: Path) -> None:
    made: list[Etcd] = []

    def state(url: str) -> Etcd:
        made.append(Etcd(Access((Url.parse(url),)), lambda: OWN))
        return made[0]

    async def play(port: int, etcd: real.Etcd) -> None:
        async def theirs(what: str, **body: object) -> dict[str, str]:
            status, told = await asyncio.to_thread(etcd.ask, f"/v3/{what}", msgspec.json.encode(body))
            assert status == 200
            return msgspec.json.decode(told)  # type: ignore[no-any-return]

        name = b64encode(b"it").decode()
        async with asyncio.timeout(60), AsyncStateClient(Endpoint(host="127.0.0.1", port=port)) as client:
            lease = (await theirs("lease/grant", TTL=60))["ID"]
            held = await theirs("lock/lock", name=name, lease=lease)
            await client.put("it/schedule", "daily")
            with pytest.raises(TimedOut):
                async with client.lock("it", wait_s=0.2):
                    pass
            await theirs("lock/unlock", key=held["key"])
            async with client.lock("it", wait_s=30.0) as lock:
                await client.delete("it/schedule")  # theirs would wait for it, too
                waiting = asyncio.ensure_future(theirs("lock/lock", name=name, lease=lease))
                while len((await client.list("it/")).kvs) < 2:  # noqa: ASYNC110  only asking tells
                    await asyncio.sleep(0.05)
                assert lock.held and not waiting.done()
            await waiting

    with real.members(1) as (member,):
        member.start()
        real.await_health(member)
        with (
            closing(real.Etcd(member.port, member.log)) as etcd,
            Agent(tmp_path, state=lambda: state(member.url)) as agent,
        ):
            asyncio.run(play(agent.port, etcd))
            agent.loop.call_soon_threadsafe(made[0].close)
