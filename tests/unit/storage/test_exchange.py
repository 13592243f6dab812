"""One state put in place of another: the old one or the new one, whole, or a refusal that says where the old one is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pycluster.kernel.errors import LocalFault
from pycluster.kernel.ids import Seed
from pycluster.storage import SeatBook, check_whole, look, settle
from pycluster.storage.exchange import DRAFT
from tests.unit.storage.nodes import Life, entries, open_database, write_log
from tests.unit.storage.test_crash import ENVIRONMENT
from tests.unit.storage.test_foundation import SNAPSHOT, contents, laid

#: Where a process is killed or its disk fails, as Python's audit events.
STEPS = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.copyfile")
#: Makes, for each step of ``lay``, a directory whose process was killed there, and from each of those, for each step of
#: ``settle``, one more.
KILLED = """if True:
    import os, shutil, sys
    from pathlib import Path
    from pycluster.storage import settle
    from tests.unit.storage.test_foundation import laid
    from tests.unit.storage.test_exchange import STEPS
    count = limit = 0
    def stop(event, arguments):
        global count
        if limit and event in STEPS:
            count += 1
            if count == limit:
                os._exit(9)
    sys.addaudithook(stop)
    def killed(act, source, target, step):
        global limit
        shutil.copytree(source, target)
        child = os.fork()
        if not child:
            limit = step
            act(target)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, 9), code
        return code == 9
    start, into = Path(sys.argv[1]), Path(sys.argv[2])
    for step in range(1, 99):
        once = into / f"{step:02}"
        if not killed(laid, start, once, step):
            break
        for again in range(1, 99):
            if not killed(lambda path: settle(str(path)), once, into / f"{step:02}.{again:02}", again):
                break
"""


def old_state(path: Path) -> None:
    """Of a node that was killed: a snapshot under the new one's name, a write-ahead log, and where the voters were."""
    origin = path.with_suffix(".origin")
    origin.mkdir()
    laid(origin)
    life = Life(origin)
    life.database.submit(1, entries=entries(41, 45, 1_000_008))
    life.until(1)
    shutil.copytree(origin, path)
    life.database.close()
    SeatBook(str(path)).keep((Seed("node004", "10.0.0.4", 7946),))
    (path / "state.db-shm").unlink(missing_ok=True)


def left_over(path: Path) -> None:
    """What a start refuses: the state file is gone, its log and watermark are there."""
    old_state(path)
    (path / "state.db").unlink()


def nothing(path: Path) -> None:
    path.mkdir()


def starts(origin: Path) -> bool | None:
    """Whether an agent starts on the new state, or on the old one; None where it refuses and names the old files.

    Asked of a copy, for a start writes.
    """
    path = origin.with_name(f"{origin.name} started")
    shutil.copytree(origin, path)
    try:
        return _starts(path)
    finally:
        shutil.rmtree(path)


def _starts(path: Path) -> bool | None:
    try:
        check_whole(str(path))
        assert not (path / "replacing").exists()
        if not (path / "state.db").exists():
            assert look(str(path)) is None
            return False
        database = open_database(path, "a new member")
    except LocalFault as fault:
        told = str(fault)
    else:
        database.close()
        assert database.stored.snapshot == SNAPSHOT
        assert database.stored.entries in ((), entries(41, 45, 1_000_008))
        return not database.stored.entries
    with pytest.raises(LocalFault) as looked:
        look(str(path))
    assert str(looked.value) == told
    assert (f"{path}/replacing" in told) is not ("there was no state before" in told) and "remove" not in told
    return None


def refusal(path: Path) -> str:
    """What is said where neither of both states is whole; nothing is changed by that."""
    with pytest.raises(LocalFault) as looked:
        look(str(path))
    return str(looked.value)


@pytest.mark.parametrize("before", [old_state, nothing])
def test_a_process_that_is_killed_at_any_step_leaves_one_whole_state_or_a_refusal_and_can_be_run_again(
    tmp_path: Path, before: Callable[[Path], None]
) -> None:
    start, into = tmp_path / "start", tmp_path / "into"
    into.mkdir()
    before(start)
    had = contents(start)
    command = (sys.executable, "-c", KILLED, str(start), str(into))
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    seen: list[bool | None] = []
    for path in sorted(into.iterdir()):
        if "." not in path.name:
            seen.append(starts(path))
            if seen[-1] is None:
                assert ("there was no state before" in refusal(path)) is (not had)
        settle(str(path))
        assert not (path / DRAFT).exists() and not (path / "replacing").exists()
        aside = path / "replaced.1"
        if had:
            assert contents(aside if aside.exists() else path) == had
            assert starts(path) is aside.exists()
        if "." not in path.name:
            laid(path)
            assert starts(path)
            assert not had or (contents(aside) == had and starts(aside) is False)
    # First the old one, then neither for a while, in the end the new one.
    order = {False: 0, None: 1, True: 2}
    assert seen == sorted(seen, key=order.__getitem__) and set(seen) == {False, None, True}


class Disk:
    """Raises ``error`` at the given steps of what runs in this thread inside ``with``."""

    _failing: Disk | None = None

    def __init__(self, error: BaseException, *failing: int) -> None:
        self._error, self._steps, self._count, self._thread = error, failing, 0, threading.get_ident()

    def __enter__(self) -> None:
        Disk._failing = self

    def __exit__(self, *_: object) -> None:
        Disk._failing = None

    @classmethod
    def hear(cls, event: str, _: object) -> None:
        """One of Python's audit events; what this raises comes out of the call that it is about."""
        disk = cls._failing
        if disk is None or event not in STEPS or disk._thread != threading.get_ident():
            return
        disk._count += 1
        if disk._count in disk._steps:
            raise disk._error


@pytest.fixture(scope="module", autouse=True)
def _heard() -> None:
    sys.addaudithook(Disk.hear)


BROKEN = OSError(5, "Input/output error")


@pytest.mark.parametrize("before", [old_state, left_over, nothing])
@pytest.mark.parametrize("error", [BROKEN, KeyboardInterrupt()], ids=["disk", "interrupt"])
def test_what_fails_or_is_interrupted_is_moved_back(
    tmp_path: Path, before: Callable[[Path], None], error: BaseException
) -> None:
    start = tmp_path / "start"
    before(start)
    had, done = contents(start), 0
    for step in range(1, 99):
        path = tmp_path / str(step)
        shutil.copytree(start, path)
        told = interrupted(path, error, step)
        if told is None:
            break
        if told:
            assert f"the data directory {path} was left as it was: [Errno 5]" in told
            assert "look for disk errors" in told and "remove" not in told
        assert not (path / "replacing").exists()
        if isinstance(error, KeyboardInterrupt) and (path / "state.db").exists() and starts(path):
            # Only the draft was still to be removed.
            done += 1
            assert not had or contents(path / "replaced.1") == had
        else:
            assert contents(path) == had and not (path / "replaced.1").exists()
    assert done <= 2 and step > 6


def interrupted(path: Path, error: BaseException, *steps: int) -> str | None:
    """What was said of it; None where it was done."""
    try:
        with Disk(error, *steps):
            laid(path)
    except LocalFault as fault:
        return str(fault)
    except KeyboardInterrupt:
        return ""
    return None


def test_where_moving_back_fails_too_the_folder_is_named_and_the_next_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "data"
    old_state(path)
    had = contents(path)
    told = interrupted(path, BROKEN, 12, 14) or ""
    assert f"halfway between two states: [Errno 5] Input/output error; the old one is in {path}/replacing" in told
    assert f"mv -f {path}/replacing/* {path} && rmdir {path}/replacing" in told
    assert starts(path) is None
    by_hand = tmp_path / "by hand"
    shutil.copytree(path, by_hand)
    remedy = told.rpartition("by hand: ")[2].removesuffix(")").replace(str(path), f"'{by_hand}'")
    subprocess.run(remedy, shell=True, check=True)
    assert contents(by_hand).items() >= had.items() and starts(by_hand) is False
    settle(str(path))
    assert contents(path) == had and starts(path) is False


def test_who_is_told_to_remove_the_directory_is_told_what_else_is_in_it(tmp_path: Path) -> None:
    write_log(tmp_path, 2)
    for _ in range(2):
        laid(tmp_path)
    (tmp_path / "replaced.10").mkdir()
    (tmp_path / "state.db").unlink()
    for attempt in (look, open_database):
        with pytest.raises(LocalFault, match="missing") as told:
            attempt(str(tmp_path))
        assert "while the other voters are a majority, remove the data directory" in told.value.remedy
        assert f"{tmp_path}/replaced.10 holds an earlier state: move it away first" in told.value.remedy


def test_folders_of_earlier_states_are_bounded(tmp_path: Path) -> None:
    write_log(tmp_path, 2)
    had = contents(tmp_path)
    for number in range(1, 1_001):
        (tmp_path / f"replaced.{number}").mkdir()
    with pytest.raises(LocalFault, match=r"1000 folders named replaced\.N"):
        laid(tmp_path)
    assert contents(tmp_path) == had
