"""Both engines behind the port: the agents' own, in one node of one voter, and a real etcd."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from pycluster.agent import node_config
from pycluster.engines import Embedded
from pycluster.engines.etcd import Access, Etcd
from pycluster.kernel.ids import new_uuid
from pycluster.kernel.url import Url
from pycluster.node import Node, NodeConfig
from pycluster.node.ports import StateEngine, StateFailed, StateHead, StateStore
from pycluster.runtime import Driver, NodeDisk, OpenPorts, PortNetwork
from pycluster.settings import load
from pycluster.storage import ActingRecord, Database, SeatBook
from pycluster.store import Range, Request, Result
from tests.cluster.agents import free_port
from tests.differential.etcd import running

#: Whose head the etcd engine's is.
OWN = StateHead(1, 2, 3, 4, 5, 0, 6, 7, True)
Opened = Callable[[], AbstractAsyncContextManager[StateEngine]]
Scene = Callable[[StateEngine], Awaitable[None]]
Play = Callable[[Scene], None]


def _config(folder: str, port: int) -> NodeConfig:
    conf = Path(folder, "cluster.conf")
    conf.write_text(f"[nodes]\nnode001 = 127.0.0.1:{port}\n")
    flags = {"name": "node001", "bind_address": "127.0.0.1", "port": str(port)}
    return node_config(load(str(conf), {}, flags, "node001"))


@asynccontextmanager
async def embedded() -> AsyncIterator[StateEngine]:
    """A node that is the only voter, on loopback, in this process."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        port = free_port("127.0.0.1")
        config = _config(folder, port)
        ports = OpenPorts("127.0.0.1", port)
        stack.callback(ports.close)
        database = Database.open(folder, config.cluster, config.name, lambda: new_uuid(random.SystemRandom()))
        stack.callback(database.close)
        acting = ActingRecord.open(folder, config.boot_id)
        stack.callback(acting.close)
        node = Node(config, database.identity, database.stored, random.Random(1), (), state=None)
        driver = Driver(node, dict)
        network = PortNetwork(ports, driver.feed, driver.feed_all)
        disk = NodeDisk(database, acting, SeatBook(folder), driver.feed, driver.fail)
        engine = Embedded(driver.feed, driver.head, feed_all=driver.feed_all, copy=driver.open_copy)
        driver.attach(network, disk, engine)
        disk.start()
        await network.start()
        driver.start()
        try:
            await engine.ask(Range(b"\0", count_only=True), timeout_s=60)
            yield engine
        finally:
            driver.stop()
            engine.close()
            await network.close(goodbye=False)


@asynccontextmanager
async def etcd(*access: Access) -> AsyncIterator[Etcd]:
    """An empty etcd of its own, or the one that is reached so."""
    with ExitStack() as stack:
        if not access:
            port = stack.enter_context(running()).port
            access = (Access((Url("127.0.0.1", port),)),)
        engine = Etcd(access[0], lambda: OWN)
        engine.start()
        try:
            yield engine
        finally:
            engine.close()
            await asyncio.sleep(0)


ENGINES: dict[str, Opened] = {"embedded": embedded, "etcd": partial(etcd)}


def missing() -> str:
    """Why there is no etcd; empty where there is."""
    return "" if shutil.which("etcd", path=os.environ.get("PATH")) else "needs etcd, Debian's package etcd-server"


async def asked(engine: StateStore, request: Request, request_id: bytes = b"", timeout_s: float = 20.0) -> Result:
    """The result, a failure being one."""
    try:
        return await engine.ask(request, timeout_s=timeout_s, request_id=request_id)
    except StateFailed as failed:
        return failed.failure
