"""What an operator is told when the state file fails, and what to do about it."""

from __future__ import annotations

import errno
import os
import sqlite3

from pycluster.kernel.errors import LocalFault

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SHUT = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def replacement(file: str) -> str:
    """The way out that always works: a node without its past is a new member."""
    return (
        f"remove the data directory {os.path.dirname(file)} and start again: the node comes back as a new member"
        " and is given its old seat"
    )


def damaged(file: str, why: str) -> LocalFault:
    """The file holds what was never written."""
    return LocalFault(f"the state file {file} is damaged", why=why, remedy=replacement(file))


def failed(file: str, error: sqlite3.Error | OSError) -> LocalFault:
    """The file could not be read or written."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    number = error.errno if isinstance(error, OSError) else 0
    if code in _DAMAGED:
        return damaged(file, str(error))
    if code == sqlite3.SQLITE_FULL or number in (errno.ENOSPC, errno.EDQUOT):
        remedy = "free space on its file system and start again: nothing that was acknowledged is lost"
    elif code in _SHUT or number in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "make its directory and everything in it writable for this user"
    elif code in _BUSY:
        remedy = "end the other program that has the file open"
    else:
        remedy = f"look for disk errors in the kernel's log; if the disk is lost, {replacement(file)}"
    return LocalFault(f"the state file {file} cannot be used", why=str(error), remedy=remedy)
