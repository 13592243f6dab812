"""Processes that get too little of the processor, as in a container with a small quota and a noisy neighbour.

All of them are in one control group together with busy loops. The group may use a few milliseconds of one core in each
second, so everything in it stands still for most of the time, and what runs in the rest is up to the scheduler. Where
no control group can be made, they are stopped and continued in the same rhythm.
"""

from __future__ import annotations

import heapq
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random

from benchmarks.fleet import TIED

PERIOD_MS = 1_000
LOOPS = 4
_BUSY = "while True: pass"
#: Where each version of control groups is, and what sets a group's period and quota (microseconds) there.
_GROUPS = (
    (Path("/sys/fs/cgroup"), {"cpu.max": "{quota} {period}"}),
    (Path("/sys/fs/cgroup/cpu"), {"cpu.cfs_period_us": "{period}", "cpu.cfs_quota_us": "{quota}"}),
)


@contextmanager
def starved(pids: Sequence[int], quota_ms: int) -> Iterator[str]:
    """All together get ``quota_ms`` in a second, for the time of the ``with``; says by which means."""
    group = _group(quota_ms)
    if group is None:
        with halting(pids, Random(quota_ms), (PERIOD_MS / 1e3, PERIOD_MS / 1e3), quota_ms / PERIOD_MS):
            yield "SIGSTOP and SIGCONT"
        return
    home, path = group
    with ExitStack() as undone:
        undone.callback(_dissolve, path, home)
        for pid in pids:
            (path / "cgroup.procs").write_text(str(pid))
        for _ in range(LOOPS):
            loop = subprocess.Popen([*TIED, sys.executable, "-c", _BUSY], stdin=subprocess.DEVNULL)
            undone.callback(_ended, loop)
            (path / "cgroup.procs").write_text(str(loop.pid))
        yield f"{quota_ms} of {PERIOD_MS} ms of a core for all and {LOOPS} busy loops"


def _group(quota_ms: int) -> tuple[Path, Path] | None:
    """The group that the processes come from and return to, and a new one with the quota; None where none can be."""
    for root, quota in _GROUPS:
        path = root / f"pycluster-starved-{os.getpid()}"
        try:
            path.mkdir()
        except OSError:
            continue
        # Where version 1's hierarchies are mounted, the folder above them is none and takes any file.
        if all((path / name).exists() for name in ("cgroup.procs", *quota)):
            for name, value in quota.items():
                (path / name).write_text(value.format(quota=quota_ms * 1_000, period=PERIOD_MS * 1_000))
            return _home(root), path
        path.rmdir()
    return None


def _home(root: Path) -> Path:
    """This process's own group below ``root``: version 2's line names no controllers, version 1's names ``cpu``."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    wanted = "cpu" if root.name == "cpu" else ""
    return next(root / path.lstrip("/") for _, controllers, path in lines if wanted in controllers.split(","))


def _dissolve(path: Path, home: Path) -> None:
    for pid in (path / "cgroup.procs").read_text().split():
        with suppress(OSError):
            (home / "cgroup.procs").write_text(pid)
    path.rmdir()


def _ended(loop: subprocess.Popen[bytes]) -> None:
    loop.kill()
    loop.wait()


@contextmanager
def halting(pids: Sequence[int], rng: Random, halt_s: tuple[float, float], share: float) -> Iterator[None]:
    """Each by itself stands still for a time drawn from ``halt_s`` and then runs, for ``share`` of all the time.

    The same ``rng`` gives the same rhythm, so that two systems can be treated alike, however much of the processor each
    needs, in the manner of Lifeguard's interval experiment.
    """
    done = threading.Event()
    thread = threading.Thread(target=_halt, args=(pids, rng, halt_s, share, done), name="halting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        for pid in pids:
            _send(pid, signal.SIGCONT)


def _halt(pids: Sequence[int], rng: Random, halt_s: tuple[float, float], share: float, done: threading.Event) -> None:
    begun = time.monotonic()
    turns = [(begun + rng.uniform(0, halt_s[1]), pid, True) for pid in pids]
    heapq.heapify(turns)
    while not done.wait(max(turns[0][0] - time.monotonic(), 0)):
        at, pid, halts = turns[0]
        _send(pid, signal.SIGSTOP if halts else signal.SIGCONT)
        lasts_s = rng.uniform(*halt_s) if halts else rng.uniform(*halt_s) * share / (1 - share)
        heapq.heapreplace(turns, (at + lasts_s, pid, not halts))


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
