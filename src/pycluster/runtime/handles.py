"""Files by the handles of their directories: whatever is done by name elsewhere cannot be led astray by a link."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from pycluster.settings import Template

#: Bytes of a file that stands there and may have to be put back.
FILE_MAX_BYTES = 16 * 1024 * 1024


class Found(msgspec.Struct, frozen=True):
    """A file with what belongs to it."""

    content: bytes
    mode: int
    uid: int
    gid: int


def read(name: str, place: int) -> Found | None:
    """A regular file, whole; None where there is none. Raises ``OSError`` for anything else."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link; name the file that it leads to") from None
        raise
    file = reader(handle)
    if file is None:
        raise OSError(errno.EINVAL, "what stands there is no regular file")
    with file:
        facts = os.fstat(handle)
        if facts.st_size > FILE_MAX_BYTES:
            raise OSError(errno.EFBIG, f"what stands there has more than {FILE_MAX_BYTES} bytes")
        return Found(file.read(), stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid)


def reader(handle: int) -> BinaryIO | None:
    """What reads it and closes it; None where it is no regular file, and then it is closed. Raises ``OSError``."""
    file: BinaryIO | None = None
    try:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            file = os.fdopen(handle, "rb")
    finally:
        if file is None:
            os.close(handle)
    return file


@contextlib.contextmanager
def opened(path: str) -> Iterator[int]:
    """A directory. Raises ``OSError``."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def directory_of(template: Template) -> Iterator[int]:
    """The file's directory, step by step and over no symbolic link. Raises ``OSError``."""
    parts = os.path.dirname(template.destination).split("/")[1:]
    handle = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for number, part in enumerate(filter(None, parts), 1):
            step = _step(handle, part, "/" + "/".join(parts[:number]))
            os.close(handle)
            handle = step
        yield handle
    finally:
        os.close(handle)


def _step(handle: int, part: str, path: str) -> int:
    try:
        return os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise OSError(error.errno, f"{path} is a symbolic link, or no directory") from None
        raise OSError(error.errno, f"{path}: {error.strerror}") from None


class Made:
    """A hold on a file: as long as it lasts no other file gets its number on the disk. Given up with the object."""

    def __init__(self, name: str, place: int) -> None:
        # Not for writing: whoever checks it may run it.
        self.handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)

    def __del__(self) -> None:
        if "handle" in vars(self):
            os.close(self.handle)


def own(name: str, place: int, made: Made) -> None:
    """Raise ``OSError`` where it is not what was written: another agent may have the same destination."""
    try:
        same = os.path.samestat(os.stat(name, dir_fd=place, follow_symlinks=False), os.fstat(made.handle))
    except FileNotFoundError:
        same = False
    if not same:
        raise OSError(
            errno.EBUSY, f"somebody else took {name} away while it was checked; another agent that writes here?"
        )


def write_all(handle: int, content: bytes) -> None:
    """All of it. Raises ``OSError``."""
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]
