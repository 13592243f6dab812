"""PyCluster beside etcd under wrk: at least as many puts in a second, none slower, and twice as many reads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmarks import trio, wrk
from benchmarks.etcd import CONNECTIONS, PLAIN, Cell, Found, cells, measured, ours, ratio
from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import Least, Promise

SECONDS = 5.0
LOADS = [*cells(["put"], ["leader"], CONNECTIONS), *cells(["range"], ["leader"], [64])]
#: Of the median over the rounds: the wheel's over etcd's. What the sources do uncompiled is told, too.
PROMISES: tuple[Promise | Least, ...] = (
    *(Least(f"{cell} ratio", median=2.0 if cell.kind == "range" else 1.0) for cell in LOADS),
    Promise("put, 64 through the leader p99 ratio", median=1.0),
)


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """All missing rounds on one trio of each; all systems under every load, in turns."""
    del options
    etcd = trio.etcd()
    assert etcd is not None and wrk.available(), "etcd and wrk are needed: make peers"
    if not numbers:
        return
    with trio.running(*ours(), etcd) as trios:
        for number in numbers:
            notebook.play(number, partial(one_round, trios, number))


def one_round(trios: Sequence[trio.Trio], number: int) -> dict[str, float | int | str]:
    """Each load once; nothing may be refused."""
    turns = trios if number % 2 else [*reversed(trios)]
    found = [*measured(turns, LOADS, 1, SECONDS)]
    refused = {f"{one.system}, {one.cell}": one.failed for one in found if one.failed}
    assert not refused, f"refused or broken: {refused}"
    return figures(found, LOADS)


def figures(found: Sequence[Found], loads: Sequence[Cell]) -> dict[str, float | int | str]:
    """What each answered in a second, and ours over etcd's."""
    told: dict[str, float | int | str] = {}
    for cell in loads:
        for one in found:
            if one.cell == cell:
                told[f"{cell} {one.system}/s"] = round(one.answers_s)
        told[f"{cell} ratio"] = round(ratio(found, cell), 2)
        told[f"{cell} ratio, plain"] = round(ratio(found, cell, system=PLAIN), 2)
    of_put = next(cell for cell in loads if cell.kind == "put" and cell.connections == 64)
    told[f"{of_put} p99 ratio"] = round(ratio(found, of_put, "p99_ms"), 2)
    return told


def judge(rounds: list[Round]) -> list[str]:
    """The promises that the rounds break."""
    return [line for promise in PROMISES for line in promise.broken(rounds)]
