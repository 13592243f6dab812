"""File systems of their own for data directories: small ones to be filled up or mounted read-only, and ones whose power
can be cut. Needs root.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_BLOCK = bytes(4096)
#: ext4's order to go down at once, and what it shall do with what is not on the device yet: nothing, not even its
#: journal (EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH; the tests of Linux' file systems use them).
_SHUTDOWN = 0x8004587D
_NO_FLUSH = struct.pack("I", 2)


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


class PoweredDisk:
    """A file system on a device that keeps what it was sent, and nothing else."""

    def __init__(self, path: Path, image: Path) -> None:
        self.path = path
        self._image = image

    def cut(self) -> None:
        """The power goes: what was not synced is lost, and every use of the disk fails until it is back."""
        there = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(there, _SHUTDOWN, _NO_FLUSH)
        finally:
            os.close(there)

    def restore(self) -> None:
        """The power is back; nobody may have a file open from before."""
        subprocess.run(["umount", str(self.path)], check=True, capture_output=True)
        # What is on the device, on another one: some other mount namespace may still hold the dead file system.
        device = self._image.with_suffix(f"{self._image.suffix}+")
        shutil.copyfile(self._image, device)
        device.replace(self._image)
        self.mount()

    def mount(self) -> None:
        """As after a start of the machine: ext4 replays its journal."""
        subprocess.run(["mount", "-o", "loop", str(self._image), str(self.path)], check=True, capture_output=True)


@contextmanager
def powered_disk(path: Path, mib: int = 32) -> Iterator[PoweredDisk]:
    """An ext4 of ``mib`` MiB at ``path``, gone again afterwards."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("needs mkfs.ext4, Debian's package e2fsprogs")
    path.mkdir(parents=True, exist_ok=True)
    image = path.with_suffix(".image")
    with image.open("wb") as file:
        file.truncate(mib << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, capture_output=True)
    disk = PoweredDisk(path, image)
    disk.mount()
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=False, capture_output=True)
