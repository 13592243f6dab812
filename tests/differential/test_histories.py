"""Random histories beside etcd; ``make evidence BAR=differential`` plays more of them."""

from __future__ import annotations

import asyncio

from tests.differential.beside import Beside
from tests.differential.etcd import Etcd

_HISTORIES = 25
_OPERATIONS = 100


def test_random_histories_are_answered_as_etcd_does(etcd: Etcd) -> None:
    async def play() -> None:
        beside = Beside(etcd)
        for seed in range(_HISTORIES):
            await beside.play(seed, _OPERATIONS)

    asyncio.run(play())
