"""uvicorn as a guest in the agent's process: it takes no signal, logs nothing, and never wakes up for nothing."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
from collections.abc import Iterator

from uvicorn.config import Config
from uvicorn.server import Server

from pycluster.web.asgi import WebApp
from pycluster.web.bounds import Bounds
from pycluster.web.crowd import Crowd
from pycluster.web.protocol import BoundedProtocol


class Running(Server):
    """One server over listening sockets that are open already."""

    def __init__(self, app: WebApp, bounds: Bounds) -> None:
        config = Config(
            app,
            http=BoundedProtocol,
            ws="none",
            loop="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=bounds.idle_timeout_s,
            timeout_graceful_shutdown=bounds.shutdown_s,
        )
        super().__init__(config)
        self._app = app
        self._bounds = bounds
        self._stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the agent's."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on ``sockets``, each connection knowing whether it came over the Unix socket."""
        loop = asyncio.get_running_loop()
        self.servers = []
        crowds = {unix: Crowd(self._bounds, unix=unix) for unix in (False, True)}
        for listener in sockets or []:
            unix = listener.family == socket.AF_UNIX
            protocol = functools.partial(
                BoundedProtocol, self.config, self.server_state, bounds=self._bounds, crowd=crowds[unix]
            )
            if unix:
                server = await loop.create_unix_server(protocol, sock=listener)
            else:
                server = await loop.create_server(protocol, sock=listener)
            self.servers.append(server)
        self.started = True

    async def main_loop(self) -> None:
        """Sleep until told to stop; uvicorn's own would wake ten times a second."""
        await self._stopping.wait()

    def stop(self) -> None:
        """End the streams and finish what is being answered, within the bound."""
        self.should_exit = True
        self._app.close()
        self._stopping.set()

    def abort(self) -> None:
        """Cut off whoever is still connected."""
        for connection in tuple(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
