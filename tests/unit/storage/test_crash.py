"""What was acknowledged outlives a process killed while it writes, and a disk that is full."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pycluster.storage import DataDirectory
from tests.unit.storage.nodes import entries, open_database

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


def writer(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tests.unit.storage.writer", *map(str, arguments)]


def run(*command: str) -> str:
    """What a process that must succeed printed."""
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def durable(output: str) -> int:
    """The last entry that the writer said is durable."""
    return int(re.findall(r"^durable (\d+)$", output, re.MULTILINE)[-1])


def test_a_process_killed_while_it_writes_keeps_all_that_it_acknowledged(tmp_path: Path) -> None:
    for life in range(1, 5):
        process = subprocess.Popen(writer(tmp_path), env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        heard = [process.stdout.readline() for _ in range(life * 20)]
        process.kill()
        heard.append(process.stdout.read())
        process.wait()
        process.stdout.close()
        acknowledged = durable("".join(heard))
        directory = DataDirectory.open(str(tmp_path))
        database = open_database(tmp_path)
        found = database.stored.entries
        database.close()
        directory.close()
        assert len(found) >= acknowledged > 0
        assert found == entries(1, len(found))


def test_a_file_that_cannot_grow_stops_the_writing_and_keeps_the_acknowledged(tmp_path: Path) -> None:
    output = run(*writer(tmp_path, "--file-bytes", 300_000))
    assert output.count("failed ") == 1
    assert f"failed the state file {tmp_path}/state.db cannot be used: disk I/O error (look for disk errors" in output
    assert output.endswith("noted True\nsilent True\n")
    database = open_database(tmp_path)
    assert len(database.stored.entries) >= durable(output)
    assert database.stored.entries == entries(1, len(database.stored.entries))
    database.close()


@pytest.mark.root
def test_a_read_only_file_system_is_told_at_the_start(tmp_path: Path) -> None:
    open_database(tmp_path).close()
    ask = """if True:
        import sys
        from pycluster.kernel.errors import LocalFault
        from pycluster.storage import DataDirectory
        try:
            DataDirectory.open(sys.argv[1])
        except LocalFault as fault:
            print(fault.why, fault.remedy, sep="; ")"""
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1"'
    told = f"{tmp_path}: Read-only file system; mount the file system for writing, or name another directory"
    assert told in run("unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path), sys.executable, ask)


@pytest.mark.root
def test_a_full_file_system_stops_the_writing_and_space_brings_the_node_back(tmp_path: Path) -> None:
    """A file system of its own, in a mount namespace that ends with the writer."""
    script = 'mount -t tmpfs -o size=1m none "$1" && head -c 600k /dev/zero > "$1/ballast" && shift && exec "$@"'
    command = writer(tmp_path / "data", "--ballast", tmp_path / "ballast")
    output = run("unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path), *command)
    assert output.count("failed ") == 1
    assert "database or disk is full (free space on its file system and start again: nothing that was" in output
    found = int(output.rpartition("noted True\nsilent True\nfound ")[2])
    assert found >= durable(output)
