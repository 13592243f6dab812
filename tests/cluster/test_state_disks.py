"""Snapshots that are damaged, disks that fill up, and power that goes: nothing acknowledged is lost or invented."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.cluster.agents import AgentProcess, fleet, wait_for
from tests.cluster.disks import powered_disk, small_disk
from tests.cluster.outages import three_with_power
from tests.cluster.three import HOSTS, agents_on, formed, seated
from tests.cluster.writers import Load, Promised

#: A snapshot after every 16 KiB of writes, and nothing of the log kept that it covers.
_OFTEN = "\n[state]\nsnapshot_min_bytes = 16384\nsnapshot_max_bytes = 16384\n\n[consensus]\nkept_max = 0\n"


def flipped(path: Path) -> None:
    """One bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncated(path: Path) -> None:
    """Its second half is gone."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def shortened(path: Path) -> None:
    """Its last byte is gone."""
    path.write_bytes(path.read_bytes()[:-1])


def missing(path: Path) -> None:
    """There is no such file."""
    path.unlink()


@contextmanager
def three_that_fold(folder: Path) -> Iterator[tuple[AgentProcess, ...]]:
    """A formed cluster that makes many snapshots."""
    agents = agents_on(folder, HOSTS)
    with (folder / "cluster.conf").open("a") as conf:
        conf.write(_OFTEN)
    with fleet(*agents):
        formed(agents)
        seated(agents)
        yield agents


def snapshot_of(agent: AgentProcess) -> Path | None:
    """Its newest whole snapshot."""
    return next((path for path in agent.data_dir.glob("snapshot.*") if path.suffix[1:].isdecimal()), None)


def seat_of(agent: AgentProcess) -> str | None:
    """Its UUID, once it votes with it."""
    status = agent.peek()
    votes = status is not None and any(seat.uuid == status.uuid and not seat.learner for seat in status.quorum.voters)
    return status.uuid if status is not None and votes else None


def contents(agent: AgentProcess) -> list[object]:
    """What its directory holds: snapshots as they are, and the rows of its database, wherever SQLite keeps them."""
    snapshots = [(path.name, path.read_bytes()) for path in sorted(agent.data_dir.glob("snapshot.*"))]
    return [*snapshots, *rows(agent, "SELECT data FROM head"), *rows(agent, "SELECT id, data FROM log ORDER BY id")]


def rows(agent: AgentProcess, query: str) -> list[tuple[object, ...]]:
    """What its database answers."""
    with closing(sqlite3.connect(f"file:{agent.data_dir}/state.db?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.slow
def test_a_damaged_snapshot_is_refused_and_its_node_comes_back_as_a_new_member(tmp_path: Path) -> None:
    with three_that_fold(tmp_path) as agents:
        three, promised, load = agents[2], Promised(), Load(agents, "before")
        with load.running():
            wait_for("every node has a snapshot", lambda: all(map(snapshot_of, agents)) or None)
        promised.check(load, agents)
        old_uuid = wait_for("the third answers", three.peek).uuid
        three.kill()
        refused_with_each_damage(three, tmp_path / "sound")
        load = Load(agents[:2], "without")
        with load.running():
            load.acknowledges(100)
            assert snapshot_of(agents[0]) is not None
        promised.check(load, agents[:2])
        shutil.rmtree(three.data_dir)
        three.start()
        new_uuid = wait_for("the third has a seat of its own", lambda: seat_of(three))
        assert new_uuid != old_uuid
        wait_for("it was given a snapshot", lambda: snapshot_of(three))
        assert rows(three, "SELECT min(id) FROM log") != [(1,)], "it was given the log and not a snapshot"
        load = Load(agents, "after")
        with load.running():
            load.acknowledges(50)
        promised.check(load, agents)


def refused_with_each_damage(agent: AgentProcess, sound: Path) -> None:
    """Told which file and what to do, and nothing that was there is changed."""
    shutil.copytree(agent.data_dir, sound, ignore=shutil.ignore_patterns("*.sock"))
    # As if it had been killed with a snapshot half written.
    (sound / "snapshot.own").write_bytes(b"half of one")
    for damage in (flipped, truncated, shortened, missing):
        shutil.rmtree(agent.data_dir)
        shutil.copytree(sound, agent.data_dir)
        snapshot = snapshot_of(agent)
        assert snapshot is not None
        damage(snapshot)
        before = contents(agent)
        agent.start()
        assert agent.wait() == 1, f"{damage.__name__}: {agent.console()}"
        told = agent.err.read_text()
        assert str(snapshot) in told, f"{damage.__name__}: {told}"
        assert "remove the data directory" in told, f"{damage.__name__}: {told}"
        assert "Traceback" not in told
        assert contents(agent) == before, f"{damage.__name__}: what was there is changed"


@pytest.mark.root
@pytest.mark.slow
def test_a_disk_that_fills_up_under_load_stops_its_voter_and_loses_nothing(tmp_path: Path) -> None:
    agents = agents_on(tmp_path, HOSTS)
    with small_disk(agents[2].data_dir, kib=4096) as disk:
        stops_and_comes_back(agents, disk.fill, disk.free, "free space")


@pytest.mark.root
@pytest.mark.slow
def test_a_disk_that_fails_under_load_stops_its_voter_and_loses_nothing(tmp_path: Path) -> None:
    agents = agents_on(tmp_path, HOSTS)
    with powered_disk(agents[2].data_dir) as disk:
        stops_and_comes_back(agents, disk.cut, disk.restore, "look for disk errors in the kernel's log")


def stops_and_comes_back(
    agents: tuple[AgentProcess, ...], breaks: Callable[[], None], mended: Callable[[], None], remedy: str
) -> None:
    """The third one's disk breaks: it says so and ends, the others go on, and it is one of them again afterwards."""
    three, promised, load = agents[2], Promised(), Load(agents, "disk")
    with fleet(*agents):
        formed(agents)
        seated(agents)
        with load.running():
            load.acknowledges(30)
            breaks()
            assert wait_for("the third ends", three.ended) == 1, three.console()
            told = three.err.read_text()
            assert "Stopped, this node cannot go on" in told
            assert str(three.data_dir) in told
            assert remedy in told
            assert "Traceback" not in told
            load.acknowledges(30)
            mended()
            three.start()
            load.acknowledges(30)
        promised.check(load, agents)


@pytest.mark.root
@pytest.mark.slow
def test_power_that_goes_everywhere_at_once_takes_nothing_acknowledged(tmp_path: Path) -> None:
    with three_with_power(tmp_path) as outages:
        lost = sum(int(outages.round(number)["unsynced files lost"]) for number in range(3))
    # Not every time: anybody on this machine may have had everything synced in that moment.
    assert lost > 0, "these disks lose nothing"
