"""The etcd and the engines that all of these share, or the reason why there is none."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator

import pytest

from tests.differential.engines import ENGINES, Play, Scene, missing
from tests.differential.etcd import Etcd, running


@pytest.fixture
def etcd() -> Iterator[Etcd]:
    """An empty one."""
    if shutil.which("etcd") is None:
        pytest.skip("needs etcd, Debian's package etcd-server")
    with running() as process:
        yield process


@pytest.fixture(params=list(ENGINES))
def play(request: pytest.FixtureRequest) -> Play:
    """Runs a scene on an empty engine; its first revision is 2."""
    if request.param == "etcd" and missing():
        pytest.skip(missing())

    def run(scene: Scene) -> None:
        async def whole() -> None:
            async with asyncio.timeout(120), ENGINES[request.param]() as engine:
                await scene(engine)

        asyncio.run(whole())

    return run
