"""One HTTP connection to an endpoint, and what its failures mean."""

from __future__ import annotations

import errno
import http.client
import os
import pwd
import socket

from pycluster.client.endpoint import Endpoint
from pycluster.client.errors import AgentUnreachable, Denied, TimedOut
from pycluster.kernel.errors import PyClusterError

#: The longest path that fits ``sockaddr_un`` on Linux, in bytes.
SOCKET_PATH_MAX = 107


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket; ``timeout_s`` bounds each wait for the other side."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect, through the directory's descriptor where the path is too long for a socket address."""
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connected.settimeout(self.timeout)
            connect_unix(connected, self._path)
        except BaseException:
            connected.close()
            raise
        self.sock = connected


def connect_unix(connected: socket.socket, path: str) -> None:
    """Connect a Unix socket to ``path``, however long; raises ``OSError``."""
    if len(os.fsencode(path)) <= SOCKET_PATH_MAX:
        connected.connect(path)
        return
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    try:
        connected.connect(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
    finally:
        os.close(directory)


def connection(endpoint: Endpoint, timeout_s: float) -> http.client.HTTPConnection:
    """A connection, not opened yet."""
    if endpoint.path:
        return UnixConnection(endpoint.path, timeout_s)
    return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout_s)


def failure(endpoint: Endpoint, error: Exception, timeout_s: float) -> PyClusterError:
    """The error that a caller shall see instead of ``error``."""
    if isinstance(error, TimeoutError):
        return TimedOut(
            f"the agent at {endpoint} did not answer",
            why=f"nothing came for {timeout_s:g} s",
            remedy="it may be stopped or overloaded; look at its process, or wait longer with -timeout",
        )
    if isinstance(error, PermissionError):
        return Denied(
            f"cannot open {endpoint}",
            why=f"only {_owner(endpoint.path)} may",
            remedy="run this as that user or as root, or ask the agent's -web address with -addr",
        )
    remedy = "start the agent, or name another one with -addr or -data-dir"
    if isinstance(error, http.client.IncompleteRead):
        return AgentUnreachable(
            f"{endpoint} broke off its answer", why="the connection ended early", remedy="try again"
        )
    if not isinstance(error, OSError):
        return AgentUnreachable(f"{endpoint} does not speak as an agent does", why=_reason(error), remedy=remedy)
    why = {
        errno.ENOENT: "there is no such socket, so no agent runs with this data directory",
        errno.ECONNREFUSED: "nobody listens there",
        errno.ECONNRESET: "it cut the connection before the answer was complete",
        errno.EPIPE: "it cut the connection before the answer was complete",
    }.get(error.errno or 0, _reason(error))
    return AgentUnreachable(f"no agent answers at {endpoint}", why=why, remedy=remedy)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__


def _owner(path: str) -> str:
    try:
        return pwd.getpwuid(os.stat(path).st_uid).pw_name
    except (OSError, KeyError):
        return "the agent's own user"
