"""The HTTP server that is not there until somebody calls: an agent nobody asks stays small.

The listening sockets are open from the start. The first connection to one of them stays in the kernel's queue while a
thread imports the web framework (the event loop, and with it the failure detector, keeps its time); then uvicorn takes
the sockets over and accepts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable

import msgspec

from pycluster.kernel.ids import Address
from pycluster.web import lean_uvicorn
from pycluster.web.asgi import WebApp
from pycluster.web.bounds import Bounds
from pycluster.web.sockets import identity, open_tcp, open_unix, remove_unix

logger = logging.getLogger("pycluster.web")


class _Loaded(msgspec.Struct):
    """What the importing thread brings: the built application, or why there is none."""

    app: WebApp | None = None
    error: Exception | None = None


class LazyServer:
    """``open``, then ``start`` on the running loop, then ``stop``.

    ``app_factory`` is called once, in a thread of its own, at the first connection. ``tcp`` is a host (empty: every
    address) and a port (0: a free one); None serves the Unix socket only.
    """

    def __init__(
        self,
        app_factory: Callable[[], WebApp],
        unix_path: str,
        tcp: tuple[str, int] | None = None,
        *,
        bounds: Bounds | None = None,
    ) -> None:
        self._factory = app_factory
        self._unix_path = unix_path
        self._tcp = tcp
        self._bounds = bounds or Bounds()
        self._sockets: list[socket.socket] = []
        self._made = (0, 0)
        self._addresses: tuple[Address, ...] = ()
        self._task: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The TCP addresses listened on; port 0 shows as the port that was free."""
        return self._addresses

    @property
    def awake(self) -> bool:
        """Whether somebody has called."""
        return self._task is not None

    def open(self) -> None:
        """Open the listening sockets; raises ``LocalFault`` and leaves nothing open where one cannot be had."""
        listener = open_unix(self._unix_path)
        self._made = identity(self._unix_path)
        self._sockets = [listener]
        if self._tcp is None:
            return
        try:
            found = open_tcp(*self._tcp, self._bounds.reader_timeout_s)
        except BaseException:
            self._close()
            raise
        self._sockets += found
        self._addresses = tuple(Address(*one.getsockname()[:2]) for one in found)

    def start(self) -> None:
        """Watch for the first connection; on the running event loop."""
        loop = asyncio.get_running_loop()
        for listener in self._sockets:
            loop.add_reader(listener.fileno(), self._called)

    async def stop(self) -> None:
        """End streams, let running answers finish within ``Bounds.shutdown_s``, close everything. Twice is fine."""
        task = self._task
        if task is None:
            self._ignore()
        else:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._close()

    def _called(self) -> None:
        self._ignore()
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def _ignore(self) -> None:
        loop = asyncio.get_running_loop()
        for listener in self._sockets:
            loop.remove_reader(listener.fileno())

    async def _serve(self) -> None:
        """Import, then run until cancelled."""
        loaded = await self._load()
        if loaded.app is None:
            what = "the HTTP interface cannot start, its sockets are closed until the agent is restarted"
            logger.error("%s: %r", what, loaded.error)
            self._close()
            return
        from pycluster.web.running import Running

        server = Running(loaded.app, self._bounds)
        serving = asyncio.get_running_loop().create_task(server.serve(self._sockets))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.stop()
            await asyncio.gather(serving, return_exceptions=True)
            server.abort()
            raise
        except Exception:
            logger.exception("the HTTP interface failed, its sockets are closed until the agent is restarted")
            self._close()

    async def _load(self) -> _Loaded:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        loaded = _Loaded()

        def work() -> None:
            try:
                lean_uvicorn.place()
                import pycluster.web.running  # noqa: F401

                loaded.app = self._factory()
            except Exception as error:
                loaded.error = error
            with contextlib.suppress(RuntimeError):  # where the loop is closed nobody waits for this any more
                loop.call_soon_threadsafe(done.set)

        # A daemon that nobody joins: what it imports from may hang, and the end of the agent does not wait for it.
        threading.Thread(target=work, name="web-import", daemon=True).start()
        await done.wait()
        return loaded

    def _close(self) -> None:
        if self._sockets:
            remove_unix(self._unix_path, self._made)
        for listener in self._sockets:
            listener.close()
        self._sockets = []
