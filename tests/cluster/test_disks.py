"""Disks that are full, read-only or damaged: the agent says so and ends; nothing acknowledged is forgotten."""

from __future__ import annotations

import hashlib
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pycluster.agent import SOCKET_NAME
from pycluster.storage import Database
from tests.cluster.agents import AgentProcess, fleet, wait_for
from tests.cluster.disks import small_disk
from tests.cluster.three import HOSTS, agents_on, formed, seated, statuses


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def scribbled(path: Path) -> None:
    """Noise over the second half, the first bytes kept: it still looks like what it was."""
    content = path.read_bytes()
    noise = hashlib.shake_256(b"noise").digest(len(content) - len(content) // 2)
    path.write_bytes(content[: len(content) // 2] + noise)


def overwritten(path: Path) -> None:
    path.write_bytes(b"not a database at all\n" * 400)


def gone(path: Path) -> None:
    path.unlink()


@pytest.fixture(name="killed", scope="module")
def data_directory_of_a_killed_leader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What it knows is in the write-ahead log."""
    return left_by(signal.SIGKILL, tmp_path_factory.mktemp("killed"))


@pytest.fixture(name="ended", scope="module")
def data_directory_of_a_leader_that_ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What it knows is in the database itself."""
    return left_by(signal.SIGTERM, tmp_path_factory.mktemp("ended"))


def left_by(number: signal.Signals, folder: Path) -> Path:
    (agent,) = agents_on(folder, {"node001": "127.0.0.1"})
    with fleet(agent):
        agent.wait_says("Became new leader: node001")
        agent.send(number)
        agent.wait()
    (agent.data_dir / SOCKET_NAME).unlink(missing_ok=True)
    return agent.data_dir


def again(lived: Path, folder: Path) -> AgentProcess:
    """A copy of that directory with an agent for it, not started."""
    (agent,) = agents_on(folder, {"node001": "127.0.0.1"})
    shutil.copytree(lived, agent.data_dir)
    return agent


def digests(folder: Path) -> dict[str, str]:
    """The database's files. Whoever reads it makes the log's index (-shm) afresh, and an empty log where none is."""
    contents = {name: folder / name for name in ("state.db", "state.db-wal")}
    held = {name: path.read_bytes() for name, path in contents.items() if path.exists()}
    return {name: hashlib.sha256(content).hexdigest() for name, content in held.items() if content}


@pytest.mark.parametrize("damage", [half, empty, scribbled, overwritten, gone], ids=lambda value: value.__name__)
@pytest.mark.parametrize(("file", "end"), [("state.db", "ended"), ("state.db-wal", "killed")])
def test_a_damaged_database_is_refused_and_left_as_it_is(
    tmp_path: Path, request: pytest.FixtureRequest, file: str, end: str, damage: Callable[[Path], None]
) -> None:
    agent = again(request.getfixturevalue(end), tmp_path)
    damage(agent.data_dir / file)
    refused_and_kept(agent)


def test_a_database_that_became_empty_keeps_the_log_beside_it_at_every_start(tmp_path: Path, killed: Path) -> None:
    agent = again(killed, tmp_path)
    empty(agent.data_dir / "state.db")
    for _ in range(2):
        refused_and_kept(agent)


def refused_and_kept(agent: AgentProcess) -> None:
    """Told what and what to do, and nothing of the database changed."""
    before = digests(agent.data_dir)
    with fleet(agent):
        assert agent.wait() == 1, agent.console()
    told = agent.err.read_text()
    assert str(agent.data_dir / "state.db") in told
    assert "remove the data directory" in told
    assert "Traceback" not in told
    assert digests(agent.data_dir) == before


@pytest.mark.parametrize("file", ["acting", "watermark", "lock"])
@pytest.mark.parametrize("damage", [empty, overwritten], ids=lambda value: value.__name__)
def test_a_damaged_file_that_guards_nothing_is_begun_anew(
    tmp_path: Path, killed: Path, file: str, damage: Callable[[Path], None]
) -> None:
    agent = again(killed, tmp_path)
    damage(agent.data_dir / file)
    with fleet(agent):
        agent.wait_says("Became new leader: node001")


@pytest.mark.root
def test_a_full_disk_stops_a_voter_before_it_answers_and_it_comes_back_with_its_vote(tmp_path: Path) -> None:
    agents = one, two, three = agents_on(tmp_path, HOSTS)
    with small_disk(three.data_dir) as disk, fleet(*agents):
        formed(agents)
        seated(agents)
        term = max(status.leader.term for status in statuses(agents))
        disk.fill()
        one.kill()
        assert three.wait() == 1, three.console()
        told = three.err.read_text()
        assert "Stopped, this node cannot go on" in told
        assert str(three.data_dir / "state.db") in told
        assert "free space" in told
        assert "Traceback" not in told
        two.wait_says("Leader node001 timed out")
        assert two.says("Became new leader: node002") == 0, two.console()
        disk.fill()  # its end may have given back what its log took
        with fleet(three):
            assert three.wait() == 1, "it must not start on a disk that is still full"
            assert "free space" in three.err.read_text()
        disk.free()
        database = Database.open(str(three.data_dir), "proxy", "node003", lambda: "new")
        assert database.stored.vote.term >= term
        assert database.identity.uuid != "new"
        database.close()
        three.start()
        wait_for("the two have a leader in a later term", lambda: led_after(term, two, three))


def led_after(term: int, *agents: AgentProcess) -> str | None:
    """The leader that all of them follow in one term after ``term``."""
    shown = [agent.peek() for agent in agents]
    leaders = {(status.leader.leader, status.leader.term) if status is not None else ("", 0) for status in shown}
    leader, led_term = leaders.pop()
    return leader if not leaders and leader and led_term > term else None


@pytest.mark.root
def test_a_disk_that_is_full_at_the_first_start_is_told(tmp_path: Path) -> None:
    (agent,) = agents_on(tmp_path, {"node001": "127.0.0.1"})
    with small_disk(agent.data_dir) as disk:
        disk.fill()
        with fleet(agent):
            assert agent.wait() == 1, agent.console()
            assert str(agent.data_dir) in agent.err.read_text()
            assert "free space" in agent.err.read_text()
            assert "Traceback" not in agent.console()
        disk.free()
        with fleet(agent):
            agent.wait_says("Became new leader: node001")


@pytest.mark.root
def test_a_data_directory_mounted_for_reading_is_told(tmp_path: Path, killed: Path) -> None:
    (agent,) = agents_on(tmp_path, {"node001": "127.0.0.1"})
    with small_disk(agent.data_dir, kib=8192) as disk:
        shutil.copytree(killed, agent.data_dir, dirs_exist_ok=True)
        disk.read_only()
        with fleet(agent):
            assert agent.wait() == 1, agent.console()
            assert str(agent.data_dir) in agent.err.read_text()
            assert "mount the file system for writing" in agent.err.read_text()
            assert "Traceback" not in agent.console()
