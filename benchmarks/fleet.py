"""A fleet of agent processes on loopback addresses of their own, watched through their logs and /proc."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

_TICKS = os.sysconf("SC_CLK_TCK")


def node_name(number: int) -> str:
    """``node001`` and so on; numbers begin at 1."""
    return f"node{number:03d}"


def node_address(number: int) -> str:
    """An address of the loopback network for each node, so that all use one port."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


class Memory(msgspec.Struct, frozen=True):
    """KiB. ``pss`` counts shared pages by their share."""

    rss: int
    pss: int


class Agent:
    """One process and its log, standard output and standard error in one file."""

    def __init__(self, name: str, command: list[str], log: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.log = log
        # As on a machine of its own: compiled modules are kept.
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**kept, **environment}
            )
        self._read = 0
        self._text = ""

    def text(self) -> str:
        """Everything logged until now."""
        with self.log.open("rb") as log:
            log.seek(self._read)
            fresh = log.read()
        self._read += len(fresh)
        self._text += fresh.decode(errors="replace")
        return self._text

    def cpu_s(self) -> float:
        """Processor seconds used by this process."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> Memory:
        """Resident and proportional memory now."""
        sizes = dict(
            re.findall(r"^(Rss|Pss): +(\d+) kB", Path(f"/proc/{self.process.pid}/smaps_rollup").read_text(), re.M)
        )
        return Memory(int(sizes["Rss"]), int(sizes["Pss"]))

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def stopped_at_the_end(agents: list[Agent]) -> Iterator[None]:
    """Whatever happens, no agent of ours stays."""
    try:
        yield
    finally:
        for agent in agents:
            if agent.process.poll() is None:
                agent.process.kill()
        for agent in agents:
            agent.process.wait()


def wait_until(condition: Callable[[], bool], limit_s: float, what: str) -> float:
    """Seconds until ``condition`` held; ``TimeoutError`` naming ``what`` past the limit."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > limit_s:
            raise TimeoutError(f"not within {limit_s:.0f} s: {what}")
        time.sleep(0.02)
    return time.monotonic() - start


def listening(host: str, port: int) -> bool:
    """Whether a TCP port accepts connections."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def names_seen(agent: Agent, pattern: re.Pattern[str]) -> set[str]:
    """The first group of every match of ``pattern`` in the agent's log."""
    return set(pattern.findall(agent.text()))


def count_seen(agent: Agent, pattern: re.Pattern[str], name: str) -> int:
    """How many lines of the agent's log say ``pattern`` of ``name``."""
    return pattern.findall(agent.text()).count(name)


def spread(values: Iterable[float], digits: int = 1) -> str:
    """``least - greatest`` or the one value."""
    rounded = sorted(round(value, digits) for value in values)
    if not rounded:
        return "-"
    return f"{rounded[0]}" if rounded[0] == rounded[-1] else f"{rounded[0]} - {rounded[-1]}"
