"""Random histories beside etcd; ``make evidence BAR=differential`` plays more of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pycluster.node.ports import StateStore
from pycluster.store import DeleteRange, Failure, Request, Result
from pycluster.web.gateway import shapes
from pycluster.web.gateway.protojson import Malformed, parse
from tests.differential.beside import Beside
from tests.differential.engines import asked, missing
from tests.differential.engines import etcd as engine_over_etcd
from tests.differential.etcd import Etcd
from tests.differential.histories import History
from tests.differential.local import LocalState

_HISTORIES = 25
_OPERATIONS = 100


def test_random_histories_are_answered_as_etcd_does(etcd: Etcd) -> None:
    async def play() -> None:
        beside = Beside(etcd)
        for seed in range(_HISTORIES):
            await beside.play(seed, _OPERATIONS)

    asyncio.run(play())


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_random_histories_have_the_same_results_on_an_engine_over_etcd() -> None:
    """Results and failures, not bytes: what the port's callers see."""

    async def play() -> None:
        async with engine_over_etcd() as engine:
            ours = LocalState()
            for seed in range(_HISTORIES // 3):
                history = History(seed, ours.store.revision)
                for place in range(_OPERATIONS):
                    drawn = history.operation(ours.store.revision, ours.store.compact_revision)
                    name = drawn.path.removeprefix("/v3/")
                    try:
                        request = READ[name](parse(drawn.body)) if name in READ else None
                    except Malformed:
                        continue
                    if request is not None:
                        where = f"seed {seed}, operation {place}: {request}"
                        assert plain(await asked(engine, request)) == plain(await asked(ours, request)), where
                await clear(ours, engine)

    asyncio.run(play())


READ: dict[str, Callable[[Any], Request]] = {
    "kv/put": shapes.PUT,
    "kv/range": shapes.RANGE,
    "kv/deleterange": shapes.DELETE_RANGE,
    "kv/txn": shapes.TXN,
    "kv/compaction": shapes.COMPACT,
    "lease/revoke": shapes.LEASE_REVOKE,
    "lease/leases": shapes.LEASE_LIST,
}


def plain(result: Result) -> object:
    """Failures by their kind: where they were seen, and the words, may differ."""
    return result.kind if isinstance(result, Failure) else result


async def clear(*states: StateStore) -> None:
    for state in states:
        await asked(state, DeleteRange(b"\0", b"\0"))
