"""What an earlier process wrote and never synced is on the disk before the next one relies on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.disks import powered_disk
from tests.cluster.traces import LOG, Call, calls, strace
from tests.unit.storage.nodes import open_database
from tests.unit.storage.test_crash import ENVIRONMENT

pytestmark = pytest.mark.root

#: Writes one entry after another and tells of each that is durable.
WRITE = """if True:
    import os, sys
    from pathlib import Path
    from pycluster.kernel.errors import LocalFault
    from pycluster.storage.statefile import Request
    from tests.unit.storage.test_snapshots import entries, open_file
    file = open_file(Path(sys.argv[1]))
    try:
        for index in range(1, 9):
            file.commit([Request(index, entries=entries(index, index))])
            os.write(1, b"durable\\n")
    except LocalFault:
        pass
    file.close()
"""
#: Opens what there is, tells how many entries it believes, and ends without a word to the disk.
BELIEVE = """if True:
    import os, sys
    from pathlib import Path
    from tests.unit.storage.test_snapshots import open_file
    file = open_file(Path(sys.argv[1]))
    os.write(1, b"believes %d" % len(file.stored.entries))
    os._exit(0)
"""
#: What becomes of the fourth sync: the process is killed before it, or it fails, and all after it.
ENDS = ("signal=KILL:when=4", "error=EIO:when=4+")


def run(script: str, path: Path, *enter: str) -> str:
    """What that process printed, however it ended."""
    command = (*enter, sys.executable, "-c", script, str(path))
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False).stdout


def left_unsynced(path: Path, end: str) -> int:
    """Leave one transaction that was written and never synced behind those that were; gives the number of all."""
    open_database(path).close()
    trace = path.with_name("writing")
    durable = run(WRITE, path, *strace(trace, "-e", f"inject=fdatasync:{end}")).count("durable")
    assert 0 < durable < 8
    return durable + 1


@pytest.mark.parametrize("end", ENDS)
def test_what_was_believed_after_an_unsynced_end_outlives_a_power_cut(tmp_path: Path, end: str) -> None:
    with powered_disk(tmp_path / "disk") as disk:
        path = disk.path / "data"
        path.mkdir()
        written = left_unsynced(path, end)
        assert run(BELIEVE, path) == f"believes {written}"
        disk.cut()
        disk.restore()
        assert run(BELIEVE, path) == f"believes {written}"


def written_to(made: list[Call], name: str) -> bytes:
    """All that went to files of that name, in order."""
    return b"".join(call.data for call in made if call.name == "pwrite64" and call.file.endswith(name))


@pytest.mark.parametrize("end", ENDS)
def test_the_log_is_written_anew_and_synced_before_it_is_believed(tmp_path: Path, end: str) -> None:
    """After a failed sync the kernel takes the log's pages for written: another sync alone would do nothing."""
    path, trace = tmp_path / "data", tmp_path / "opening"
    path.mkdir()
    left_unsynced(path, end)
    log = (path / LOG).read_bytes()
    assert "believes" in run(BELIEVE, path, *strace(trace, "-s", str(2 * len(log))))
    made = calls(trace)
    said = next(at for at, call in enumerate(made) if call.data.startswith(b"believes"))
    syncs = [at for at, call in enumerate(made[:said]) if call.name == "fsync" and call.file.endswith(LOG)]
    assert syncs and written_to(made[: syncs[0]], LOG) == log
    assert (path / LOG).read_bytes() == log


def test_after_an_end_in_order_nothing_is_written(tmp_path: Path) -> None:
    path, trace = tmp_path / "data", tmp_path / "opening"
    path.mkdir()
    assert run(WRITE, path).count("durable") == 8
    assert run(BELIEVE, path, *strace(trace)) == "believes 8"
    made = calls(trace)
    assert written_to(made, "state.db") + written_to(made, LOG) == b""
