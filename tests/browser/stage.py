"""A real server around a cluster that is only data, which can go away and come back on the same port."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from msgspec.structs import replace

from pycluster import store
from pycluster.node.view import StatusView
from pycluster.runtime.journal import EventJournal
from pycluster.web import Access, Bounds, LazyServer, site
from tests.unit.web.entries import FakeFiles, above, entries
from tests.unit.web.fake import Agent, FakeCluster
from tests.unit.web.fakestate import FakeState

#: Quick snapshots, so that no test waits for what only takes time.
QUICK = Bounds(snapshot_age_s=0.5, snapshot_gap_s=0.1)


class ShownCluster(FakeCluster):
    """A cluster whose clock runs, so that a page sees time go by between snapshots."""

    def __init__(self, view: StatusView) -> None:
        super().__init__()
        self.view = view
        self.journal = EventJournal()
        self.frozen = False
        self._began = time.monotonic()

    def status(self) -> StatusView:
        shift = 0 if self.frozen else int((time.monotonic() - self._began) * 1_000_000)
        return replace(self.view, now_us=self.view.now_us + shift)

    async def tell(self, kind: str, text: str, *, node: str = "", term: int = 0) -> None:
        """Publish one event, now."""
        self.append(kind, text, self.status().now_us, node, term, time.time_ns() // 1_000_000)


class Stage(Agent):
    """The server in a thread, showing ``view``; ``port`` 0 is any free one."""

    cluster: ShownCluster

    def __init__(self, directory: Path, view: StatusView, *, port: int = 0, bounds: Bounds = QUICK) -> None:
        super().__init__(directory, bounds)
        self.port = port
        self._view = view

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.cluster, self.state = ShownCluster(self._view), FakeState()
        self.files, self.configs = FakeFiles(), entries(self.state)()
        served = {"bounds": self.bounds, "state": self.state, **above(self.state, self.files)}
        factory = site(self.cluster, Access.of("node001"), protocol=(1, 1), **served)
        self.server = LazyServer(factory, self.path, ("127.0.0.1", self.port), bounds=self.bounds)
        self.server.open()
        self.port = self.server.addresses[0].port
        self.server.start()
        self._ready.set()
        await self._stop.wait()
        await self.server.stop()

    async def _show(self, view: StatusView) -> None:
        self.cluster.view = view

    def show(self, view: StatusView) -> None:
        """From now on the cluster is this one."""
        self.run(self._show(view))

    def asks(self, request: store.Request) -> store.Result:
        """Ask the replicated state, as somebody else than the page."""
        return self.run(self.state.ask(request))

    def put(self, key: bytes, value: bytes, lease: int = 0) -> int:
        """Somebody else writes; gives the revision."""
        return self.asks(store.Put(key, value, lease)).revision

    def tell(self, kind: str, text: str, *, node: str = "", term: int = 0) -> None:
        """Publish one event."""
        self.run(self.cluster.tell(kind, text, node=node, term=term))
