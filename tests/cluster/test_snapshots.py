"""Snapshots, restores and recoveries with real agents: what was acknowledged is there, and two clusters stay two."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest

import pycluster
from pycluster.agent import SOCKET_NAME
from pycluster.client import Compacted
from pycluster.client.blocking import StateClient
from tests.cluster.agents import LIMIT_S, AgentProcess, fleet, wait_for
from tests.cluster.beside import beside
from tests.cluster.disks import small_disk
from tests.cluster.three import HOSTS, agents_on, formed, seated
from tests.cluster.writers import RETRYABLE, listed

FIVE = {f"node00{number}": f"127.0.0.{number}" for number in range(1, 6)}


def client_of(agent: AgentProcess) -> StateClient:
    return pycluster.connect(f"unix:{agent.data_dir / SOCKET_NAME}", timeout_s=LIMIT_S)


class Writer:
    """Keys one after the other, and the revision at which each was acknowledged."""

    def __init__(self, agent: AgentProcess) -> None:
        self._agent = agent
        self.acknowledged: dict[bytes, int] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        with beside("writer", self._run):
            yield

    def _run(self, over: Event) -> None:
        with client_of(self._agent) as client:
            while not over.is_set():
                key = b"w/%06d" % len(self.acknowledged)
                self.acknowledged[key] = client.put(key, key, request_id=key.decode()).revision

    def until(self, more: int) -> None:
        had = len(self.acknowledged)
        wait_for(f"{more} more writes", lambda: len(self.acknowledged) >= had + more or None)


def line(agent: AgentProcess, *words: str, code: int = 0) -> bytes:
    """Run an offline verb for this agent's node; gives what it wrote."""
    conf = str(agent.folder / "cluster.conf")
    done = agent.cli(*words, "-config", conf, "-name", agent.name)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def told(agent: AgentProcess, *words: str) -> Any:
    """The same as JSON."""
    return msgspec.json.decode(line(agent, *words, "-o", "json"))


def cluster_uuid(agent: AgentProcess) -> str:
    status = wait_for(f"{agent.name} answers", agent.peek)
    return status.quorum.cluster_uuid


def acts(agent: AgentProcess) -> None:
    """Until it leads and acts."""

    def look() -> bool | None:
        status = agent.peek()
        return True if status is not None and status.leader.acting and status.leader.leader == agent.name else None

    wait_for(f"{agent.name} acts", look)


def put(agent: AgentProcess, key: str, value: str) -> None:
    def attempt() -> bool | None:
        try:
            with client_of(agent) as client:
                client.put(key, value)
        except RETRYABLE:
            return None
        return True

    wait_for(f"{agent.name} takes a write", attempt)


@pytest.mark.slow
def test_what_was_acknowledged_up_to_a_snapshot_is_there_after_a_restore_in_another_cluster(tmp_path: Path) -> None:
    agents = one, two, three = agents_on(tmp_path, HOSTS)
    file, writer = str(tmp_path / "a.snapshot"), Writer(two)
    with fleet(*agents):
        formed(agents)
        seated(agents)
        with client_of(one) as client:
            lease = client.grant(600).id
            client.put("leased", "x", lease=lease)
        with writer.running():
            writer.until(200)
            before = max(writer.acknowledged.values())
            saved = told(three, "snapshot", "save", file)
            writer.until(100)
        assert saved["revision"] >= before
        assert b"in use" in line(one, "snapshot", "restore", file, "--force", code=1)
        old = cluster_uuid(one)
        for agent in agents:
            agent.kill()
        assert told(one, "snapshot", "inspect", file)["revision"] == saved["revision"]
        assert b"--force" in line(one, "snapshot", "restore", file, code=1)
        bump = ("--force", "--bump-revision", "100000")
        first = told(one, "snapshot", "restore", file, *bump)
        told(two, "snapshot", "restore", file, *bump, "--token", first["token"])

        # The third comes back with what it had: it is of the old cluster, and nobody of the new one takes its word.
        for agent in agents:
            agent.start()
        acts(one)
        new = cluster_uuid(one)
        assert new != old and new.startswith(first["seed"])
        three.wait_says("belongs to another cluster of the same name")
        kept = {key for key, revision in writer.acknowledged.items() if revision <= saved["revision"]}
        shown = listed(two)
        assert {kv.key for kv in shown.kvs} == kept | {b"leased"}
        assert shown.revision == saved["revision"] + 100_000
        with client_of(two) as client:
            assert client.leases() == (lease,) and client.time_to_live(lease, keys=True).keys == (b"leased",)
            with pytest.raises(Compacted):
                next(client.watch("leased", revision=saved["revision"] + 5))
        put(two, "late", "y")
        assert cluster_uuid(three) == old and wait_for("the third answers", three.peek).leader.leader == ""

        # Emptied, it takes the seat that waits for it.
        three.kill()
        shutil.rmtree(three.data_dir)
        three.start()
        seated(agents)
        assert cluster_uuid(three) == new
        assert {kv.key for kv in listed(three, serializable=True).kvs} == kept | {b"leased", b"late"}


@pytest.mark.slow
def test_a_survivor_of_three_goes_on_alone_and_apart_from_the_others(tmp_path: Path) -> None:
    agents = one, two, three = agents_on(tmp_path, HOSTS)
    with fleet(*agents):
        formed(agents)
        seated(agents)
        put(one, "before", "1")
        wait_for("the second has it", lambda: listed(two, serializable=True).kvs or None)
        old = cluster_uuid(two)
        assert b"in use" in line(two, "recover", "--dry-run", code=1)
        for agent in agents:
            agent.kill()
        found = told(two, "recover", "--dry-run")[0]
        assert (found["node"], found["cluster_uuid"], found["keys"]) == ("node002", old, 1)
        done = told(two, "recover", "--yes", "--accept-data-loss")
        two.start()
        acts(two)
        new = cluster_uuid(two)
        assert new == done["cluster_uuid"] != old
        put(two, "after", "2")

        # The old majority, back from the dead, is another cluster with a leader of its own.
        one.start()
        three.start()
        acts(one)
        two.wait_says("belongs to another cluster of the same name")
        put(one, "old", "3")
        assert [kv.key for kv in listed(two).kvs] == [b"after", b"before"]
        assert [kv.key for kv in listed(three).kvs] == [b"before", b"old"]
        statuses = {agent.name: wait_for(f"{agent.name} answers", agent.peek) for agent in agents}
        assert statuses["node002"].leader.leader == "node002"
        assert statuses["node002"].leader.term > 1_000_000 > statuses["node001"].leader.term
        assert {statuses[name].quorum.cluster_uuid for name in ("node001", "node003")} == {old}


@pytest.mark.slow
def test_of_two_survivors_of_five_the_newer_goes_on(tmp_path: Path) -> None:
    agents = agents_on(tmp_path, FIVE)
    four, five = agents[3:]
    with fleet(*agents):
        formed(agents)
        seated(agents)
        put(agents[0], "first", "1")
        wait_for("the fourth has it", lambda: listed(four, serializable=True).kvs or None)
        four.kill()
        put(agents[0], "second", "2")
        wait_for("the fifth has it", lambda: len(listed(five, serializable=True).kvs) == 2 or None)
        for agent in agents[:3]:
            agent.kill()
            shutil.rmtree(agent.data_dir)
        five.kill()
        sure = ("--yes", "--accept-data-loss")
        assert b"is newer" in line(four, "recover", *sure, str(five.data_dir), code=1)
        line(five, "recover", *sure, str(four.data_dir))
        five.start()
        acts(five)
        assert [kv.key for kv in listed(five).kvs] == [b"first", b"second"]
        four.start()
        four.wait_says("PyCluster")
        put(five, "third", "3")
        assert wait_for("the fourth answers", four.peek).leader.leader == ""


def test_the_leader_s_backups_can_be_restored(tmp_path: Path) -> None:
    (agent,) = agents_on(tmp_path, {"node001": "127.0.0.1"})
    backups = tmp_path / "backups"
    with (tmp_path / "cluster.conf").open("a") as conf:
        conf.write(f"[backup]\ndirectory = {backups}\ninterval = 1s\nkeep = 2\n")
    with fleet(agent):
        agent.wait_says("Became new leader: node001")
        agent.wait_says("Backup made: ")
        put(agent, "k", "v")
        made = agent.says("Backup made: ")
        agent.wait_says("Backup made: ", times=made + 2)
        assert len(list(backups.glob("*.snapshot"))) <= 3
        agent.kill()
        newest = max(backups.glob("*.snapshot"))
        shutil.rmtree(agent.data_dir)
        line(agent, "snapshot", "restore", str(newest))
        agent.start()
        agent.wait_says("founded the cluster")
        assert [kv.value for kv in listed(agent).kvs] == [b"v"]


@pytest.mark.root
@pytest.mark.slow
def test_a_full_disk_leaves_a_state_as_it_was_and_no_half_file(tmp_path: Path) -> None:
    (agent,) = agents_on(tmp_path, {"node001": "127.0.0.1"})
    file = tmp_path / "a.snapshot"
    with small_disk(agent.data_dir, kib=4096) as disk, fleet(agent):
        agent.wait_says("Became new leader: node001")
        for number in range(8):
            put(agent, f"k{number}", "x" * 100_000)
        line(agent, "snapshot", "save", str(file))
        agent.kill()
        disk.fill()
        assert b"was left as it was" in line(agent, "snapshot", "restore", str(file), "--force", code=1)
        disk.free()
        assert not (agent.data_dir / "restoring").exists()
        agent.start()
        agent.wait_says("Became new leader: node001")
        assert len(listed(agent).kvs) == 8
        disk.fill()
        inside = agent.data_dir / "b.snapshot"
        assert b"No space left" in line(agent, "snapshot", "save", str(inside), code=1)
        disk.free()
        assert not list(agent.data_dir.glob("b.snapshot*"))
