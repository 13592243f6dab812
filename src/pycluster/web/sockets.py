"""The listening sockets of the HTTP interface, opened at the agent's start so that what is wrong shows there."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator

from pycluster.kernel.errors import LocalFault
from pycluster.kernel.ids import Address

_BACKLOG = 128
_UNIX_PATH_MAX = 107
_PROBE_TIMEOUT_S = 1.0


def open_unix(path: str) -> socket.socket:
    """Listen on ``path``, for the agent's own user only; a file left by an agent that died is replaced.

    Raises ``LocalFault`` when somebody answers there, when another kind of file is in the way, or the system refuses.
    """
    what = f"cannot listen on the Unix socket {path}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o177)
    try:
        with _within_reach(path) as near:
            _clear(near, what)
            listener.bind(near)
        listener.listen(_BACKLOG)
    except LocalFault:
        listener.close()
        raise
    except OSError as error:
        listener.close()
        raise LocalFault(what, why=error.strerror or str(error), remedy="choose another place with -data-dir") from None
    finally:
        os.umask(previous)
    listener.setblocking(False)
    return listener


@contextlib.contextmanager
def _within_reach(path: str) -> Iterator[str]:
    """The same file by a name that is short enough for a socket's address."""
    if len(os.fsencode(path)) <= _UNIX_PATH_MAX:
        yield path
        return
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{os.path.basename(path)}"
    finally:
        os.close(directory)


def _clear(path: str, what: str) -> None:
    """Remove a dead agent's socket file; nothing else is ever removed."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise LocalFault(what, why="another kind of file has that name", remedy="move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_TIMEOUT_S)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            raise LocalFault(what, why=f"it exists and cannot be asked: {error}", remedy="stop who uses it") from None
    raise LocalFault(
        what, why="another agent answers there", remedy="stop it, or give this one a data directory of its own"
    )


def remove_unix(path: str, made: tuple[int, int]) -> None:
    """Remove the socket file where it is still the one that we made (``made``: its device and inode)."""
    try:
        if identity(path) == made:
            os.unlink(path)
    except OSError:
        pass


def identity(path: str) -> tuple[int, int]:
    """A file's device and inode."""
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def open_tcp(host: str, port: int, reader_timeout_s: float) -> list[socket.socket]:
    """Listen on every address of ``host`` (empty: all of this machine, IPv4 and IPv6). Port 0 takes a free one.

    A reader that takes nothing for ``reader_timeout_s`` is cut off by the kernel. Raises ``LocalFault``.
    """
    shown = f"http://{Address(host or '*', port)}"
    listeners: list[socket.socket] = []
    refused: OSError | None = None
    for family, address in _addresses(host, port, shown):
        chosen = listeners[0].getsockname()[1] if listeners else port
        try:
            listeners.append(_listen(family, (address[0], chosen, *address[2:]), reader_timeout_s, dual=not host))
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                refused = error
                continue
            for listener in listeners:
                listener.close()
            raise _fault(shown, error) from None
    if not listeners and refused is not None:
        raise _fault(shown, refused)
    return listeners


def _addresses(host: str, port: int, shown: str) -> list[tuple[int, tuple[str, int] | tuple[str, int, int, int]]]:
    if not host:
        return [(socket.AF_INET6, ("::", port, 0, 0))] if _has_ipv6() else [(socket.AF_INET, ("0.0.0.0", port))]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise LocalFault(
            f"cannot listen on {shown}",
            why=f"{host!r} is no address: {error.strerror or error}",
            remedy="give -web an address of this machine, as 127.0.0.1:8080",
        ) from None
    # Several lookups of one name may repeat an address; the order is the resolver's.
    return list(dict.fromkeys((int(family), _two_or_four(address)) for family, _, _, _, address in found))


def _two_or_four(address: tuple[object, ...]) -> tuple[str, int] | tuple[str, int, int, int]:
    host, port = str(address[0]), int(str(address[1]))
    if len(address) == 2:
        return host, port
    return host, port, int(str(address[2])), int(str(address[3]))


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def _listen(family: int, address: tuple[object, ...], reader_timeout_s: float, *, dual: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(reader_timeout_s * 1000))
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual else 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _fault(shown: str, error: OSError) -> LocalFault:
    match error.errno:
        case errno.EADDRINUSE:
            why, remedy = "another process listens there", "stop it, or choose another port with -web"
        case errno.EADDRNOTAVAIL:
            why, remedy = "this machine has no such address", "choose one of its own with -web"
        case errno.EACCES:
            why, remedy = "ports below 1024 need root", "choose a higher port with -web"
        case _:
            why, remedy = error.strerror or str(error), "choose another address with -web"
    return LocalFault(f"cannot listen on {shown}", why=why, remedy=remedy)
