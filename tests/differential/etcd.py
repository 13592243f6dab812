"""A real etcd beside us: started on loopback in a directory of its own, asked over HTTP, stopped by its process."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.fleet import TIED
from tests.cluster.agents import free_port

_START_S = 120.0


class Etcd:
    """One process and one connection to it."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

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
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.request("POST", "/v3/watch", body=body)
        self._answer = self._connection.getresponse()

    def line(self) -> Any:
        """The next line of the answer, decoded."""
        return json.loads(self._answer.readline())

    def close(self) -> None:
        self._answer.close()
        self._connection.close()


class Member:
    """One process of a cluster of etcds, and what it takes to start it again."""

    def __init__(self, name: str, directory: str, client: str, peer: str, cluster: str, *more: str) -> None:
        self.name, self.url = name, client
        self.log = Path(directory) / f"{name}.log"
        self._command = [
            *TIED,
            "etcd",
            f"--name={name}",
            f"--data-dir={directory}/{name}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster={cluster}",
            "--logger=zap",
            "--log-level=error",
            *more,
        ]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The clients'."""
        return int(self.url.rpartition(":")[2])

    def start(self) -> None:
        """Begin a life."""
        with self.log.open("ab") as written:
            self.process = subprocess.Popen(self._command, stdout=written, stderr=written)

    def kill(self) -> None:
        """Nothing of it is kept, and a gentle stop waits for open watches."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def members(count: int, *more: str, scheme: str = "http") -> Iterator[tuple[Member, ...]]:
    """So many, not started; gone at the end. ``more`` goes to each."""
    memory = Path("/dev/shm")
    directory = tempfile.mkdtemp(prefix="etcd-", dir=memory if memory.is_dir() else None)
    ports: list[int] = []
    while len(ports) < 2 * count:
        ports += {free_port("127.0.0.1")}.difference(ports)
    clients = [f"{scheme}://127.0.0.1:{port}" for port in ports[:count]]
    peers = {f"m{number}": f"http://127.0.0.1:{port}" for number, port in enumerate(ports[count:])}
    cluster = ",".join(f"{name}={url}" for name, url in peers.items())
    made = tuple(
        Member(name, directory, client, peer, cluster, *more)
        for client, (name, peer) in zip(clients, peers.items(), strict=True)
    )
    try:
        yield made
    finally:
        for member in made:
            member.kill()
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def running() -> Iterator[Etcd]:
    """An empty etcd, gone at the end."""
    with members(1) as (member,):
        member.start()
        await_health(member)
        with contextlib.closing(Etcd(member.port, member.log)) as etcd:
            yield etcd


def await_health(member: Member) -> None:
    """Until it says that it is well; of one without TLS."""
    until = time.monotonic() + _START_S
    while time.monotonic() < until and member.process is not None and member.process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", member.port, timeout=5)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().read() == b'{"health":"true"}':
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.05)
    raise RuntimeError(f"etcd does not start: {member.log.read_text()[-500:]}")
