"""Real agents as child processes, and waiting for what they say. No fixed sleep: a condition and a generous limit."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from pycluster.agent import SOCKET_NAME
from pycluster.client import Client, Endpoint
from pycluster.kernel.errors import RemoteFault
from pycluster.node.view import StatusView
from tests.program import PROGRAM

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
#: Nothing here takes as long; a busy machine may.
LIMIT_S = 60.0
#: Of a verb that waits for what agents do.
VERB_S = 180.0
#: Characters of a console that a failure shows.
_LAST_WORDS = 3_000
#: The lowest name founds the cluster, however late its process comes to run.
FOUNDING = {"PYCLUSTER_CONSENSUS_BOOTSTRAP_GRACE_MS": "30000"}


def environment(**more: str) -> dict[str, str]:
    """A child's environment: this checkout's program on the path, nothing of an operator's settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYCLUSTER_", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(PROGRAM), "PYTHONUNBUFFERED": "1", **more}


def _drawn_from() -> list[int]:
    """Ports that the kernel gives to no connection: one of another test could have it before the agent does."""
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    outside = [port for port in range(12_000, 60_000) if not low <= port <= high]
    return outside if len(outside) > 1_000 else list(range(12_000, 32_000))


#: One a port that was given out, under the port's name: no test of this run, in whatever process, gets it again.
_TAKEN: list[socket.socket] = []


def free_port(*hosts: str) -> int:
    """A port that is free for UDP and TCP on every one of ``hosts``."""
    drawn, ports = random.SystemRandom(), _drawn_from()
    for _ in range(100):
        port = drawn.choice(ports)
        taken = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            taken.bind(f"\0pycluster-test-port-{port}")
            with ExitStack() as held:
                for host in hosts:
                    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                        held.enter_context(socket.socket(socket.AF_INET, kind)).bind((host, port))
        except OSError:
            taken.close()
            continue
        _TAKEN.append(taken)
        return port
    raise RuntimeError(f"no port is free on all of {hosts}")


def wait_for(what: str, look: Callable[[], T | None], limit_s: float = LIMIT_S) -> T:
    """The first result of ``look`` that is not None; fails naming ``what`` past the limit."""
    end = time.monotonic() + limit_s
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit_s:.0f} s: {what}")
        time.sleep(0.02)


def origin_conf(path: Path, nodes: dict[str, str], port: int, cluster: str = "proxy") -> Path:
    """A ``cluster.conf`` exactly as the origin writes it."""
    lines = [f'{name} = "{host}:{port}"' for name, host in nodes.items()]
    path.write_text(
        "\n".join(["[cluster]", f"name = {cluster}", f"discovery_port = {port}", "", "[nodes]", *lines, ""])
    )
    return path


class AgentProcess:
    """One agent, its console in two files. Stopped at the end of the ``with``."""

    def __init__(self, name: str, folder: Path, *flags: str, enter: tuple[str, ...] = ()) -> None:
        self.name = name
        self.folder = folder
        self.data_dir = folder / name
        self.flags = ("-name", name, "-data-dir", str(self.data_dir), *flags)
        #: Settings in its environment; the file stays the origin's.
        self.variables = FOUNDING
        self._enter = enter
        self._lives = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, console: int | None = None) -> AgentProcess:
        """Start a life; each has console files of its own, unless ``console`` is where it shall write."""
        self._lives += 1
        command = [*self._enter, sys.executable, "-m", "pycluster", "agent", *self.flags]
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment(**self.variables),
                stdin=subprocess.DEVNULL,
                stdout=console or out,
                stderr=console or err,
            )
        return self

    @property
    def out(self) -> Path:
        """Standard output of this life."""
        return self.folder / f"{self.name}.{self._lives}.out"

    @property
    def err(self) -> Path:
        """Standard error of this life."""
        return self.folder / f"{self.name}.{self._lives}.err"

    @property
    def pid(self) -> int:
        """The agent's process: ``ip netns exec`` replaces itself by it."""
        assert self.process is not None
        return self.process.pid

    def console(self) -> str:
        """What this life printed, standard error after standard output."""
        return self.out.read_text(errors="replace") + self.err.read_text(errors="replace")

    def says(self, line: str) -> int:
        """How often the console of this life holds ``line``."""
        return self.console().count(line)

    def wait_says(self, line: str, times: int = 1, limit_s: float = LIMIT_S) -> None:
        """Until this life's console holds ``line`` so often."""

        def look() -> bool | None:
            if self.says(line) >= times:
                return True
            assert self.process is not None
            ended = self.process.poll()
            if ended is not None and self.says(line) < times:
                raise AssertionError(f"{self.name} ended with {ended} before saying {line!r}:\n{self.console()}")
            return None

        try:
            wait_for(f"{self.name} says {line!r}", look, limit_s)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.console()}") from None

    def peek(self) -> StatusView | None:
        """Its status by its Unix socket, without starting a process; None while it does not answer."""
        try:
            return Client(Endpoint(path=str(self.data_dir / SOCKET_NAME)), timeout_s=5.0).status()
        except RemoteFault:
            return None

    def status(self) -> StatusView | None:
        """What ``pycluster status -o json`` prints; None while the agent does not answer."""
        done = self.cli("status", "-o", "json")
        return msgspec.json.decode(done.stdout, type=StatusView) if done.returncode == 0 else None

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """The command line, talking to this agent."""
        command = [sys.executable, "-m", "pycluster", *arguments, "-data-dir", str(self.data_dir)]
        patient = environment(PYCLUSTER_TIMEOUT=f"{LIMIT_S:.0f}s")
        return subprocess.run(command, cwd=self.folder, env=patient, capture_output=True, check=False, timeout=VERB_S)

    def leader(self) -> str | None:
        """Whom it follows by its own word; None while it knows no leader or does not answer."""
        status = self.status()
        return status.leader.leader or None if status is not None else None

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.send(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Its exit code."""
        assert self.process is not None
        try:
            return self.process.wait(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end:\n{self.console()}") from None

    def ended(self) -> int | None:
        """Its exit code; None while it runs."""
        assert self.process is not None
        return self.process.poll()

    def stop(self) -> None:
        """Whatever state it is in, it is gone afterwards."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextmanager
def fleet(*agents: AgentProcess) -> Iterator[tuple[AgentProcess, ...]]:
    """Start the agents; stop them at the end whatever happens."""
    try:
        for agent in agents:
            agent.start()
        yield agents
    except BaseException as failure:
        # Often it is another agent than the one that a test waits for which can say why.
        for agent in agents:
            if agent.process is not None:
                words = agent.console()[-_LAST_WORDS:]
                failure.add_note(f"{agent.name} (exit code {agent.process.poll()}) said last:\n{words}")
        raise
    finally:
        for agent in agents:
            agent.stop()


def overlaps(statuses: list[StatusView]) -> list[str]:
    """Pairs of acting intervals of two agents that overlap. All run on one machine, so they share one boot clock."""
    intervals = [
        (
            interval.started_us,
            interval.ended_us if interval.ended_us is not None else status.now_us,
            interval.term,
            status.name,
        )
        for status in statuses
        for interval in status.acting_intervals
    ]
    intervals.sort()
    return [
        f"{one[3]} in term {one[2]} until {one[1]} and {two[3]} in term {two[2]} from {two[0]}"
        for number, one in enumerate(intervals)
        for two in intervals[number + 1 :]
        if two[0] < one[1] and one[3] != two[3]
    ]
