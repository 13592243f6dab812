"""A fleet of agents of one system, each a process on an address of its own, seen through what they print and /proc."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.network import Loopback
from benchmarks.systems import Place, System, node_name
from benchmarks.watch import Watch, now_us
from tests.program import PROGRAM

#: Of a process by its id, to the nanosecond (clock_getcpuclockid(3)); /proc/PID/stat counts hundredths of a second.
_PROCESSOR_CLOCK = 2
#: The kernel ends an agent whose starter is gone, however that ended.
TIED = ("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()


def processor_s(pid: int) -> float:
    """Processor seconds used by a process so far, all its threads, user and system."""
    return time.clock_gettime((~pid << 3) | _PROCESSOR_CLOCK)


class Memory(msgspec.Struct, frozen=True):
    """KiB. ``pss`` counts shared pages by their share."""

    rss: int
    pss: int


class Agent:
    """One agent, in as many lives as it is started."""

    def __init__(self, system: System, place: Place, watch: Watch) -> None:
        self.name = node_name(place.number)
        self.number = place.number
        self.address = place.address(place.number)
        self.data_dir = place.folder / self.name
        self._system = system
        self._place = place
        self._watch = watch
        self._network = place.network
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen = self._cut_off = False

    def start(self) -> None:
        """Start a life."""
        command = [*self._network.entry(self.number), *TIED, *self._system.command(self._place)]
        # As on a machine of its own: compiled modules are kept, and nobody's settings are around.
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYCLUSTER_", "PYTHON"))}
        ear, mouth = os.pipe()
        out = mouth if self._system.tells_on_output else subprocess.DEVNULL
        environment = {**kept, "PYTHONPATH": str(PROGRAM)}
        self._watch.add(self.name, self._system.read, ear, self._place.folder / f"{self.name}.log")
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=mouth, env=environment, start_new_session=True
        )
        os.close(mouth)

    @property
    def pid(self) -> int:
        """The agent's process; what starts it replaces itself by it."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether its process exists."""
        return self._process is not None and self._process.poll() is None

    @property
    def apart(self) -> bool:
        """Frozen or cut off: it runs, and cannot be expected to see what the others see."""
        return self._frozen or self._cut_off

    def cpu_s(self) -> float:
        """Processor seconds used by this life, all its threads, user and system."""
        return processor_s(self.pid)

    def memory(self) -> Memory:
        """Resident and proportional memory now."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        sizes = dict(re.findall(r"^(Rss|Pss): +(\d+) kB", text, re.M))
        return Memory(int(sizes["Rss"]), int(sizes["Pss"]))

    def kill(self) -> None:
        """kill -9; returns at once."""
        self._send(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP."""
        self._frozen = True
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._send(signal.SIGCONT)
        self._frozen = False

    def cut(self) -> None:
        """Drop all its packets, silently, both ways."""
        self._cut_off = True
        self._network.cut(self.number)

    def heal(self) -> None:
        """Let them pass again."""
        if self._cut_off:
            self._network.heal(self.number)
        self._cut_off = False

    def end(self) -> None:
        """Whatever state it is in, it is gone afterwards, and its address is free."""
        self.heal()
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


class Fleet:
    """``total`` agents of one system in one folder. Use ``running``."""

    def __init__(self, system: System, network: Loopback, total: int, folder: Path) -> None:
        self.system = system
        self.folder = folder
        self.watch = Watch()
        self.agents = [Agent(system, Place(n, total, folder, network), self.watch) for n in range(1, total + 1)]
        self.by_name = {agent.name: agent for agent in self.agents}
        #: How many of the first agents vote.
        self.voters = system.voters(total)
        self.start_cpu_s: list[float] = []
        #: Whether the folder is to be looked at by somebody afterwards.
        self.kept = False

    def form(self) -> float:
        """Start all, the first alone; seconds until each has said that every other one is up, and who leads."""
        begun = now_us()
        first, *others = self.agents
        first.start()
        self._wait_running([first], begun)
        for agent in others:
            agent.start()
        self._wait_running(others, begun)
        limit_s = 60 + len(self.agents)
        wait_until(lambda: self.watch.whole(self.by_name), limit_s, f"{self} know each other, see {self.folder}")
        formed_s = (self.watch.since(begun, "up")[-1].at_us - begun) / 1e6
        self.settled(limit_s)
        return formed_s

    def settled(self, limit_s: float | None = None) -> None:
        """Until all that run see each other and, where the system has one, follow one leader."""
        limit_s = limit_s or self.system.return_limit_s
        wait_until(lambda: self.watch.whole(self.present()), limit_s, f"{self} see each other, see {self.folder}")
        if self.system.leads:
            wait_until(lambda: self.leader() is not None, limit_s, f"{self} follow one leader, see {self.folder}")

    def present(self) -> list[str]:
        """The names of those that run, neither frozen nor cut off."""
        return [agent.name for agent in self.agents if agent.alive and not agent.apart]

    def leader(self) -> Agent | None:
        """Whom all that are present follow."""
        name = self.watch.leader(self.present())
        return self.by_name[name] if name is not None else None

    def end(self) -> None:
        """No agent of ours stays."""
        for agent in self.agents:
            if agent.alive:
                agent.kill()
        for agent in self.agents:
            agent.end()
        self.watch.close()

    def __str__(self) -> str:
        return f"{len(self.agents)} agents of {self.system.title}"

    def _wait_running(self, agents: list[Agent], begun_us: int) -> None:
        """Until each says that it runs; what that took of the processor is looked up then, one by one."""
        waiting = {agent.name: agent for agent in agents}

        def all_run() -> bool:
            for name in waiting.keys() & self.watch.first(begun_us, "runs").keys():
                self.start_cpu_s.append(waiting.pop(name).cpu_s())
            ended = [agent.name for agent in waiting.values() if not agent.alive]
            assert not ended, f"{ended} ended at once, see {self.folder}"
            return not waiting

        wait_until(all_run, 60 + len(agents), f"{self} run, see {self.folder}")


@contextmanager
def running(system: System, network: Loopback, total: int, purpose: str) -> Iterator[Fleet]:
    """A fleet, not started; gone afterwards whatever happens. Its folder of logs stays where something went wrong."""
    folder = Path(tempfile.mkdtemp(prefix=f"pycluster-{purpose}-"))
    fleet = Fleet(system, network, total, folder)
    try:
        yield fleet
    except Exception:
        fleet.kept = True
        raise
    finally:
        fleet.end()
        if not fleet.kept:
            shutil.rmtree(folder)


def stop_quietly() -> None:
    """Ctrl-C and SIGTERM end this process by way of every ``finally``, without a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


def wait_until(condition: Callable[[], bool], limit_s: float, what: str) -> None:
    """Until ``condition`` holds; ``TimeoutError`` naming ``what`` past the limit."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {limit_s:.0f} s: {what}")
        time.sleep(0.05)


def spread(values: Iterable[float], digits: int = 1) -> str:
    """``least - greatest`` or the one value."""
    rounded = sorted(round(value, digits) for value in values)
    if not rounded:
        return "-"
    return f"{rounded[0]}" if rounded[0] == rounded[-1] else f"{rounded[0]} - {rounded[-1]}"
