"""Three members of one store on loopback, each with a data directory of its own, asked in etcd's words."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.fleet import TIED, processor_s, wait_until
from tests.cluster.agents import environment, free_port, origin_conf
from tests.program import PROGRAM

HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
_START_S = 60.0
#: Operations in one transaction, by which keys are loaded.
_TOGETHER = 128


class Store(msgspec.Struct, frozen=True):
    """One system: its name, the three commands that start it in a folder on three ports, and where its program lies."""

    title: str
    commands: Callable[[Path], list[list[str]]]
    web_port: int
    program: Path = PROGRAM


class Trio:
    """Three running members of one store."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.title = store.title
        self.port = store.web_port
        self._folder = folder
        self._commands = store.commands(folder)
        self._program = str(store.program)
        self._processes: list[subprocess.Popen[bytes]] = []
        #: Places of the leader and of one that follows it, once ``settled``.
        self.leader = self.follower = 0

    def start(self) -> None:
        """Start all, and wait until they follow one leader."""
        for place in range(len(self._commands)):
            self.start_one(place)
        wait_until(self.settled, _START_S, f"{self.title} follows one leader, see {self._folder}")

    def start_one(self, place: int) -> None:
        """Start one member, for the first time or anew."""
        with (self._folder / f"member{place}.log").open("ab") as log:
            process = subprocess.Popen(
                [*TIED, *self._commands[place]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=environment(PYTHONPATH=self._program),
            )
        self._processes[place : place + 1] = [process]

    def stop_one(self, place: int) -> None:
        """SIGTERM, and wait until it is gone."""
        self._processes[place].terminate()
        self._processes[place].wait()

    def settled(self) -> bool:
        """Whether all follow one leader, whose place is known from then on."""
        said = [self.status(place) for place in range(len(HOSTS))]
        leaders = {one.get("leader") for one in said}
        if len(leaders) != 1 or None in leaders:
            return False
        self.leader = next((place for place, one in enumerate(said) if one["header"]["member_id"] == one["leader"]), -1)
        self.follower = (self.leader + 1) % len(HOSTS)
        return self.leader >= 0

    def status(self, place: int) -> dict[str, Any]:
        """What ``maintenance/status`` says there; empty while nobody answers."""
        try:
            return self.ask(place, "maintenance/status", {})
        except (OSError, http.client.HTTPException):
            return {}

    def ask(self, place: int, what: str, body: dict[str, Any]) -> dict[str, Any]:
        """One request to one member; ``AssertionError`` where it is refused."""
        connection = http.client.HTTPConnection(HOSTS[place], self.port, timeout=30)
        try:
            connection.request("POST", f"/v3/{what}", json.dumps(body))
            reply = connection.getresponse()
            answer = reply.read()
        finally:
            connection.close()
        assert reply.status == 200 or what.startswith("maintenance"), f"{self.title}: {answer[:500]!r}"
        found: dict[str, Any] = json.loads(answer)
        return found

    def load(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        """Write them, many in one transaction, through the leader."""
        for first in range(0, len(pairs), _TOGETHER):
            puts = [{"request_put": _pair(*pair)} for pair in pairs[first : first + _TOGETHER]]
            self.ask(self.leader, "kv/txn", {"success": puts})

    def term(self) -> int:
        """The leader's term, by its own word."""
        return int(self.status(self.leader)["raftTerm"])

    def serves(self, place: int, keys: int) -> bool:
        """Whether that member has so many keys in its own copy."""
        try:
            body = {"key": "AA==", "range_end": "AA==", "count_only": True, "serializable": True}
            return int(self.ask(place, "kv/range", body).get("count", 0)) >= keys
        except (OSError, http.client.HTTPException, AssertionError):
            return False

    def snapshots(self) -> list[Path]:
        """The files of the state that an agent's directory has."""
        return sorted(self._folder.glob("node*/snapshot*"))

    def cpu_s(self) -> float:
        """Processor seconds used by all members."""
        return sum(processor_s(process.pid) for process in self._processes)

    def pid(self, place: int) -> int:
        """One member's process."""
        return self._processes[place].pid

    def end(self) -> None:
        """None of them stays."""
        for process in self._processes:
            process.kill()
            process.wait()


def _pair(key: bytes, value: bytes) -> dict[str, str]:
    return {"key": b64encode(key).decode(), "value": b64encode(value).decode()}


@contextmanager
def running(*stores: Store) -> Iterator[list[Trio]]:
    """All of them, formed, in folders on one disk; gone afterwards. The folders stay where something went wrong."""
    folder = Path(tempfile.mkdtemp(prefix="pycluster-beside-etcd-"))
    with ExitStack() as stack:
        trios = []
        for store in stores:
            (folder / store.title).mkdir()
            trio = Trio(store, folder / store.title)
            stack.callback(trio.end)
            trio.start()
            trios.append(trio)
        yield trios
    shutil.rmtree(folder)


def pycluster(title: str = "PyCluster", program: Path = PROGRAM) -> Store:
    """Three agents with the settings that everybody has."""
    port, web_port = free_port(*HOSTS), free_port(*HOSTS)

    def commands(folder: Path) -> list[list[str]]:
        names = {f"node{place:03d}": host for place, host in enumerate(HOSTS, 1)}
        conf = origin_conf(folder / "cluster.conf", names, port, cluster="bench")
        agent = [sys.executable, "-m", "pycluster", "agent", "-config", str(conf), "-port", str(port)]
        return [
            [
                *agent,
                "-name",
                name,
                "-bind-address",
                host,
                "-data-dir",
                str(folder / name),
                "-web",
                f"{host}:{web_port}",
            ]
            for name, host in names.items()
        ]

    return Store(title, commands, web_port, program)


def etcd() -> Store | None:
    """Three members with etcd's defaults; None where there is no etcd."""
    if shutil.which("etcd") is None:
        return None
    client, peer = free_port(*HOSTS), free_port(*HOSTS)

    def commands(folder: Path) -> list[list[str]]:
        cluster = ",".join(f"member{place}=http://{host}:{peer}" for place, host in enumerate(HOSTS))
        return [
            [
                "etcd",
                f"--name=member{place}",
                f"--data-dir={folder}/data{place}",
                f"--listen-client-urls=http://{host}:{client}",
                f"--advertise-client-urls=http://{host}:{client}",
                f"--listen-peer-urls=http://{host}:{peer}",
                f"--initial-advertise-peer-urls=http://{host}:{peer}",
                f"--initial-cluster={cluster}",
                "--logger=zap",
                "--log-level=error",
            ]
            for place, host in enumerate(HOSTS)
        ]

    return Store("etcd", commands, client)


def resident_mib(pid: int) -> float:
    """Resident memory now."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
