"""What an operator is told when the state file fails, and what to do about it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sqlite3
from collections.abc import Iterator

from pycluster.kernel.errors import LocalFault

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SHUT = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


#: In the data directory, with a number: what a restore or a recovery put something else in place of.
ASIDE = "replaced"
_ASIDE = re.compile(rf"{ASIDE}\.([1-9][0-9]{{0,8}})")


def replacement(file: str) -> str:
    """The way out. A node without its past is a new member, where there is somebody to be a member of.

    Who removes the directory removes earlier states, too, which may be the only copy: the newest is named.
    """
    path = os.path.dirname(file)
    text = (
        f"while the other voters are a majority, remove the data directory {path} and start again: the node comes back"
        " as a new member and is given its old seat; otherwise put a snapshot in its place (pycluster snapshot restore)"
    )
    numbers: list[int] = []
    with contextlib.suppress(OSError):
        numbers = [int(found[1]) for found in map(_ASIDE.fullmatch, os.listdir(path)) if found is not None]
    if numbers:
        text += f"; {os.path.join(path, ASIDE)}.{max(numbers)} holds an earlier state: move it away first"
    return text


def damaged(file: str, why: str) -> LocalFault:
    """The file holds what was never written."""
    return LocalFault(f"the state file {file} is damaged", why=why, remedy=replacement(file))


def failed(file: str, error: sqlite3.Error | OSError) -> LocalFault:
    """The file could not be read or written."""
    if _code(error) in _DAMAGED:
        return damaged(file, str(error))
    what = remedy(
        error,
        again="start again: nothing that was acknowledged is lost",
        lost=f"; if the disk is lost, {replacement(file)}",
    )
    return LocalFault(f"the state file {file} cannot be used", why=str(error), remedy=what)


def remedy(error: sqlite3.Error | OSError, *, again: str, lost: str) -> str:
    """What to do about an error of a sound file: ``again`` where there is room, ``lost`` where the disk may be."""
    code = _code(error)
    number = error.errno if isinstance(error, OSError) else 0
    if code == sqlite3.SQLITE_FULL or number in (errno.ENOSPC, errno.EDQUOT):
        return f"free space on its file system and {again}"
    if code in _SHUT or number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "make its directory and everything in it writable for this user"
    if code in _BUSY:
        return "end the other program that has the file open"
    return f"look for disk errors in the kernel's log{lost}"


def unforeseen(file: str, error: Exception) -> LocalFault:
    """What nobody thought of, while the file was written."""
    return LocalFault(f"the state file {file} is written no more", why=f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def told(file: str) -> Iterator[None]:
    """What SQLite and the operating system raise becomes a ``LocalFault``."""
    try:
        yield
    except UnicodeDecodeError as error:
        # SQLite quotes what it found in the file.
        raise damaged(file, "SQLite reports damage in words that are no text") from error
    except (sqlite3.Error, OSError) as error:
        raise failed(file, error) from error


def _code(error: sqlite3.Error | OSError) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
