"""The agent's process, where it runs on this machine."""

from __future__ import annotations

import os

import msgspec

from pycluster.client import Client


class Process(msgspec.Struct, frozen=True):
    """``rss_bytes`` is memory in RAM, ``cpu_s`` processor time in seconds; None where the kernel does not say."""

    pid: int
    rss_bytes: int | None
    cpu_s: float | None


def process_of(asked: Client) -> Process | None:
    """What the kernel says of the process at the Unix socket's other end; None for an agent asked over TCP."""
    pid = asked.process_id()
    if pid is None:
        return None
    try:
        with open(f"/proc/{pid}/statm", "rb") as statm:
            pages = int(statm.read().split()[1])
        with open(f"/proc/{pid}/stat", "rb") as stat:
            user, system = stat.read().rpartition(b")")[2].split()[11:13]
    except (OSError, ValueError, IndexError):
        return Process(pid, None, None)
    ticks = os.sysconf("SC_CLK_TCK")
    return Process(pid, pages * os.sysconf("SC_PAGE_SIZE"), (int(user) + int(system)) / ticks)
