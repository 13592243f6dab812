"""The data directory: where it is, that it can be used, and that one process at a time does."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Mapping
from urllib.parse import quote

from pycluster.kernel.errors import LocalFault
from pycluster.kernel.ids import fingerprint

LOCK = "lock"
#: Bytes of a path component that every file system takes, less what a suffix may add.
_COMPONENT_MAX = 200
_ELSEWHERE = "name another directory with -data-dir"
_REMEDIES = {
    errno.EACCES: f"give this user the directory, or {_ELSEWHERE}",
    errno.EPERM: f"give this user the directory, or {_ELSEWHERE}",
    errno.EROFS: f"mount the file system for writing, or {_ELSEWHERE}",
    errno.ENOSPC: f"free space on that file system, or {_ELSEWHERE}",
    errno.EDQUOT: f"free space in this user's quota, or {_ELSEWHERE}",
    errno.ENOTDIR: f"move what is in the way, or {_ELSEWHERE}",
}


def default_directory(cluster: str, name: str, environment: Mapping[str, str], *, root: bool) -> str:
    """The data directory of node ``name`` in ``cluster`` where none is configured; absolute, not created.

    Root's is below ``/var/lib``; another user's below ``$XDG_STATE_HOME`` or ``~/.local/state``. ``LocalFault`` where
    the user has no home.
    """
    below = os.path.join("pycluster", _component(cluster), _component(name))
    if root:
        return os.path.join("/var/lib", below)
    state_home = environment.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state_home):
        home = environment.get("HOME") or os.path.expanduser("~")
        if not os.path.isabs(home):
            raise LocalFault(
                "there is no place for the data directory",
                why="this user has no home directory and XDG_STATE_HOME is not set",
                remedy="name a directory with -data-dir",
            )
        state_home = os.path.join(home, ".local", "state")
    return os.path.join(state_home, below)


def _component(word: str) -> str:
    """``word`` as one harmless path component; different words stay different."""
    quoted = quote(word, safe="") or "%"
    if quoted.startswith("."):
        quoted = "%2E" + quoted[1:]
    if len(quoted) > _COMPONENT_MAX:
        quoted = f"{quoted[: _COMPONENT_MAX - 20]}%{fingerprint(word).hex()}"
    return quoted


def sync_directory(path: str) -> None:
    """Make the names in a directory durable; raises ``OSError``."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def private(path: str, flags: int) -> int:
    """An ``opener`` for ``open``: a file that its owner alone reads, also where an earlier life left it to others."""
    file = os.open(path, flags | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(file, 0o600)
    except OSError:
        os.close(file)
        raise
    return file


class DataDirectory:
    """A directory that this process owns until ``close``: it holds the lock on the file ``lock`` in it."""

    def __init__(self, path: str, lock: int) -> None:
        self.path = path
        self._lock: int | None = lock

    @classmethod
    def open(cls, path: str) -> DataDirectory:
        """Create the directory where it is missing (mode 0700) and take it; ``LocalFault`` where that cannot be."""
        path = os.path.abspath(path)
        try:
            _make(path)
            _check_access(path)
            return cls(path, _take(path))
        except OSError as error:
            raise LocalFault(
                f"the data directory {path} cannot be used",
                why=f"{error.filename or path}: {error.strerror}",
                remedy=_REMEDIES.get(error.errno or 0, _ELSEWHERE),
            ) from error

    @property
    def lost(self) -> bool:
        """Whether somebody removed or replaced the directory while this process owns it."""
        if self._lock is None:
            return False
        try:
            return not os.path.samestat(os.stat(os.path.join(self.path, LOCK)), os.fstat(self._lock))
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        """Let the next process have it; the lock file stays, empty where the disk still works. Idempotent."""
        if self._lock is None:
            return
        lock, self._lock = self._lock, None
        with contextlib.suppress(OSError):
            os.ftruncate(lock, 0)
        with contextlib.suppress(OSError):
            os.close(lock)


def _make(path: str) -> None:
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    if os.path.lexists(path):
        raise NotADirectoryError(errno.ENOTDIR, "is not a directory", path)
    _make(parent)
    os.makedirs(path, mode=0o700, exist_ok=True)
    sync_directory(parent)


def _check_access(path: str) -> None:
    """Tell now what SQLite would say later and less clearly: it makes files of its own beside its database."""
    if os.access(path, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        return
    reason = errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES
    raise OSError(reason, os.strerror(reason), path)


def _take(path: str) -> int:
    """The descriptor that holds the lock, the process id written into its file."""
    file = os.path.join(path, LOCK)
    lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        pid = f"{os.getpid()}\n".encode()
        # Written before the rest is cut off: whoever reads the first line meanwhile never finds it empty.
        os.pwrite(lock, pid, 0)
        os.ftruncate(lock, len(pid))
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode(errors="replace").partition("\n")[0]
        os.close(lock)
        raise LocalFault(
            f"the data directory {path} is in use",
            why=f"process {holder} holds it" if holder else "another process holds it",
            remedy=f"stop that agent, or {_ELSEWHERE}",
        ) from None
    except OSError as error:
        os.close(lock)
        raise OSError(error.errno, error.strerror, file) from error
    return lock
