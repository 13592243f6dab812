"""Histories of operations told to a real etcd and to our gateway, a hundred a round: every answer is the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from benchmarks.evidence.notebook import Notebook
from tests.differential.beside import Beside
from tests.differential.etcd import running

_HISTORIES = 100
_OPERATIONS = 100


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """A round has the seeds that begin with its number: 100 times it, and up."""
    del options
    for number in numbers:
        notebook.play(number, lambda number=number: asyncio.run(_play(number)))  # type: ignore[misc]


async def _play(number: int) -> dict[str, float | int | str]:
    with running() as etcd:
        beside = Beside(etcd)
        for seed in range(number * _HISTORIES, (number + 1) * _HISTORIES):
            await beside.play(seed, _OPERATIONS)
    return {"histories": _HISTORIES, "operations": _HISTORIES * _OPERATIONS, "revision": beside.state.store.revision}
