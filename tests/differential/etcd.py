"""A real etcd beside us: started on loopback in a directory of its own, asked over HTTP, stopped by its process."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.fleet import TIED

_START_S = 30.0


class Etcd:
    """One process and one connection to it."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, path: str, body: bytes) -> tuple[int, bytes]:
        """One request and its answer."""
        try:
            self._connection.request("POST", path, body=body)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            said = self._log.read_text()[:2_000]
            raise RuntimeError(f"etcd does not answer {path} {body.decode()}: {error!r}; it says {said}") from None

    def close(self) -> None:
        self._connection.close()

    def watch(self, body: bytes) -> Watching:
        """Begin a watch stream."""
        return Watching(self.port, body)


class Watching:
    """A watch stream. Its whole body is said at once: Go's server answers no request whose body is still open."""

    def __init__(self, port: int, body: bytes) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._connection.request("POST", "/v3/watch", body=body)
        self._answer = self._connection.getresponse()

    def line(self) -> Any:
        """The next line of the answer, decoded."""
        return json.loads(self._answer.readline())

    def close(self) -> None:
        self._answer.close()
        self._connection.close()


@contextlib.contextmanager
def running() -> Iterator[Etcd]:
    """An empty etcd, gone at the end."""
    memory = Path("/dev/shm")
    directory = tempfile.mkdtemp(prefix="etcd-", dir=memory if memory.is_dir() else None)
    client, peer = _free_ports()
    log = Path(directory) / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [
                *TIED,
                "etcd",
                "--data-dir",
                f"{directory}/data",
                f"--listen-client-urls=http://127.0.0.1:{client}",
                f"--advertise-client-urls=http://127.0.0.1:{client}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-cluster=default=http://127.0.0.1:{peer}",
                "--logger=zap",
                "--log-level=error",
            ],
            stdout=written,
            stderr=written,
        )
    try:
        _await(process, client, log)
        etcd = Etcd(client, log)
        yield etcd
        etcd.close()
    finally:
        # Nothing of it is kept, and a gentle stop waits for open watches.
        process.kill()
        process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().read() == b'{"health":"true"}':
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.05)
    raise RuntimeError(f"etcd does not start: {log.read_text()[-500:]}")
