"""``python -m tests.differential --seed 7``: one history beside etcd, or ``--seeds 100`` of them."""

from __future__ import annotations

import argparse
import asyncio

from tests.differential.beside import Beside, Different
from tests.differential.etcd import running


async def _play(seeds: range, operations: int) -> int:
    with running() as etcd:
        beside = Beside(etcd)
        for seed in seeds:
            await beside.play(seed, operations)
    return len(seeds)


def main() -> int:
    """0 when nothing differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--operations", type=int, default=100)
    given = parser.parse_args()
    try:
        played = asyncio.run(_play(range(given.seed, given.seed + given.seeds), given.operations))
    except Different as difference:
        print(difference)
        return 1
    print(f"{played} histories of {given.operations} operations: no difference")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
