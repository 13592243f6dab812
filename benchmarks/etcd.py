"""PyCluster, from its wheel and from its sources, and etcd side by side in one run: `make bench-etcd`.

Three members of each stand on loopback, durable, with their own directories on one disk. wrk puts and reads single
keys over HTTP in etcd's JSON, through the leader and through a follower; the systems take turns within each round.
docs/benchmarks.md says what each figure means.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from benchmarks import trio, wrk
from benchmarks.fleet import spread, stop_quietly
from benchmarks.peers import machine
from benchmarks.trio import HOSTS, Trio
from tests.program import COMPILED, SOURCES

Through = Literal["leader", "follower"]
#: Keys that are put and read: enough that no two requests under way are of the same.
KEYS = 5_000
#: What is installed from the wheel, compiled where a write passes; and the same sources, as Python runs them.
WHEEL, PLAIN = "PyCluster", "PyCluster, plain"
CONNECTIONS = (1, 64, 256)


class Cell(msgspec.Struct, frozen=True):
    """One load: what is asked of whom by how many."""

    kind: wrk.Kind
    through: Through
    connections: int

    def __str__(self) -> str:
        return f"{self.kind}, {self.connections} through the {self.through}"


class Found(msgspec.Struct, frozen=True):
    """One system under one load, once. ``cpu_us``: processor time of all members for one answer."""

    system: str
    cell: Cell
    round: int
    answers_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    failed: int


class Report(msgspec.Struct):
    """A run."""

    at: str
    machine: str
    cores: int
    seconds: float
    found: list[Found]


def ours() -> tuple[trio.Store, ...]:
    """Three agents from the wheel, and three of its sources."""
    assert COMPILED.is_dir(), f"{COMPILED} is not there: make compiled"
    return trio.pycluster(WHEEL, COMPILED), trio.pycluster(PLAIN, SOURCES)


def cells(kinds: Sequence[wrk.Kind], throughs: Sequence[Through], connections: Sequence[int]) -> list[Cell]:
    """Every load there is of these."""
    return [Cell(kind, through, count) for kind in kinds for through in throughs for count in connections]


def measured(trios: Sequence[Trio], loads: Sequence[Cell], rounds: int, seconds: float) -> Iterator[Found]:
    """Each load in each round, one system after the other, each after a moment's rest."""
    pairs = wrk.pairs(KEYS)
    with tempfile.TemporaryDirectory(prefix="pycluster-wrk-") as folder:
        scripts = wrk.scripts(Path(folder), pairs)
        for one in trios:
            one.load(pairs)
        for number in range(1, rounds + 1):
            for cell in loads:
                for one in trios if number % 2 else reversed(trios):
                    time.sleep(0.3)
                    yield _found(one, cell, number, scripts[cell.kind], seconds)


def _found(one: Trio, cell: Cell, number: int, script: Path, seconds: float) -> Found:
    assert one.settled(), f"{one.title} follows no leader"
    host = HOSTS[one.leader if cell.through == "leader" else one.follower]
    cpu_s = one.cpu_s()
    told = wrk.run(script, host, one.port, cell.connections, seconds)
    cpu_us = (one.cpu_s() - cpu_s) * 1e6 / max(told.answers, 1)
    answers_s = told.answers / told.seconds
    return Found(one.title, cell, number, answers_s, told.p50_ms, told.p99_ms, cpu_us, told.failed)


def ratio(found: Sequence[Found], cell: Cell, figure: str = "answers_s", system: str = WHEEL) -> float:
    """The median of one of our figures over etcd's, for one load."""
    ours, theirs = (
        statistics.median([float(getattr(one, figure)) for one in found if (one.system, one.cell) == (title, cell)])
        for title in (system, "etcd")
    )
    return ours / theirs


def table(found: Sequence[Found]) -> str:
    """A row a load and system: medians over the rounds, and the spread of what is answered in a second."""
    rows = [["", "system", "answers/s", "least - most", "p50 ms", "p99 ms", "CPU us", "ratio"]]
    for cell in dict.fromkeys(one.cell for one in found):
        systems = list(dict.fromkeys(one.system for one in found))
        for system in systems:
            own = [one for one in found if (one.system, one.cell) == (system, cell)]
            middle = {name: statistics.median(getattr(one, name) for one in own) for name in _FIGURES}
            shown = [f"{middle[name]:.{digits}f}" for name, digits in _FIGURES.items()]
            shown.insert(1, spread((one.answers_s for one in own), 0))
            compared = system != "etcd" and "etcd" in systems
            beside = f"{ratio(found, cell, system=system):.2f}" if compared else ""
            failed = sum(one.failed for one in own)
            rows.append([str(cell), system, *shown, f"{beside} {failed} failed" if failed else beside])
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


_FIGURES = {"answers_s": 0, "p50_ms": 2, "p99_ms": 2, "cpu_us": 0}


def main() -> int:
    """Measure, print a table, leave the figures as JSON."""
    parser = argparse.ArgumentParser(prog="make bench-etcd", description="PyCluster and etcd side by side.")
    parser.add_argument("--rounds", type=int, default=3, help="of each load")
    parser.add_argument("--seconds", type=float, default=5, help="each load lasts so long")
    parser.add_argument(
        "--connections", type=int, nargs="+", default=CONNECTIONS, help="each with one request under way"
    )
    parser.add_argument("--kind", nargs="+", choices=["put", "range"], default=["put", "range"])
    parser.add_argument("--through", nargs="+", choices=["leader", "follower"], default=["leader", "follower"])
    parser.add_argument("--system", default="", help=f"{WHEEL!r}, {PLAIN!r} or 'etcd' alone")
    parser.add_argument("--json", type=Path, default=Path("evidence/bench-etcd.json"), help="where the figures go")
    given = parser.parse_args()
    stop_quietly()
    if not wrk.available():
        print("wrk is not installed: `make peers` installs it", file=sys.stderr)
        return 2
    peer = trio.etcd()
    if peer is None:
        print("etcd is not installed: measuring PyCluster alone", file=sys.stderr)
    stores = [store for store in (*ours(), peer) if store is not None and given.system in ("", store.title)]
    report = Report(time.strftime("%Y-%m-%d"), machine(), os.cpu_count() or 1, given.seconds, [])
    given.json.parent.mkdir(parents=True, exist_ok=True)
    with trio.running(*stores) as trios:
        loads = cells(given.kind, given.through, given.connections)
        for one in measured(trios, loads, given.rounds, given.seconds):
            print(f"{one.round}: {one.cell}, {one.system}: {one.answers_s:.0f}/s", file=sys.stderr, flush=True)
            report.found.append(one)
            given.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    print(table(report.found))
    print(f"figures: {given.json}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
