"""Small file systems in memory for data directories, to be filled up or mounted read-only. Needs root."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_BLOCK = bytes(4096)


class SmallDisk:
    """A mounted file system of ``kib`` KiB."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Take the last free page."""
        with self._ballast.open("ab", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(_BLOCK)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """Give back what ``fill`` took."""
        self._ballast.unlink()

    def read_only(self) -> None:
        """Mount it for reading; nobody may have a file open for writing."""
        subprocess.run(["mount", "-o", "remount,ro", str(self.path)], check=True, capture_output=True)


@contextmanager
def small_disk(path: Path, kib: int = 2048) -> Iterator[SmallDisk]:
    """A file system of ``kib`` KiB at ``path``, gone again afterwards."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(path)], check=True, capture_output=True)
    try:
        yield SmallDisk(path)
    finally:
        # Lazily: an agent that a failed test left behind must not keep it.
        subprocess.run(["umount", "--lazy", str(path)], check=False, capture_output=True)
