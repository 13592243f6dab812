"""An agent's life: put together, started, told things by signals, drained, stopped."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import os
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import uvloop

from pycluster.agent.addresses import moved
from pycluster.agent.assemble import HOOK_BOOK_NAME, SOCKET_NAME, Parts, assemble, http_names, tags_of, triples
from pycluster.agent.banner import banner
from pycluster.agent.console import Console
from pycluster.agent.reload import left_out, taken_over
from pycluster.engines import Embedded
from pycluster.kernel.errors import PyClusterError
from pycluster.node import events
from pycluster.runtime import Driver, Ending, HookBook, Hooks, NodeDisk, PortNetwork, now_us, raise_limit
from pycluster.settings import Loaded, effective
from pycluster.web import Access, LazyServer, site
from pycluster.wire import PROTOCOL_MAX, PROTOCOL_MIN

#: Between two status blocks, as the origin prints them.
STATUS_EVERY_S = 5.0
#: Handing over and saying goodbye may take this long; then the agent ends without.
DRAIN_PATIENCE_S = 10.0
#: Hooks that still run at the end get this long.
HOOK_PATIENCE_S = 10.0
_CLOSED = "agent-stopped"


def run(loaded: Loaded, reload: Callable[[], Loaded] | None = None) -> int:
    """Run an agent in the foreground until it is told to stop; gives the exit code.

    ``reload`` reads the settings again, for SIGHUP. Raises ``LocalMisuse`` or ``LocalFault`` where it cannot start.
    """
    raise_limit()
    with ExitStack() as stack:
        parts = assemble(loaded, stack)
        server_path = os.path.join(parts.directory.path, SOCKET_NAME)
        console = Console(loaded.settings.log_format)
        stack.callback(console.close)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_Life(parts, loaded, reload, console, server_path).live())


class _Life:
    """One run of one agent."""

    def __init__(
        self, parts: Parts, loaded: Loaded, reload: Callable[[], Loaded] | None, console: Console, socket_path: str
    ) -> None:
        self._parts = parts
        self._loaded = loaded
        self._reload = reload
        self._console = console
        self._socket_path = socket_path
        self._stopping = False
        self._directory_lost = False
        self._abandoned = asyncio.Event()
        self._ticker: asyncio.TimerHandle | None = None

    async def live(self) -> int:
        """Everything between the sockets' opening and the exit code."""
        parts, console = self._parts, self._console
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unforeseen)
        self._driver = driver = Driver(parts.node, lambda: effective(self._loaded))
        network = PortNetwork(parts.ports, driver.feed, driver.feed_all)
        disk = NodeDisk(parts.database, parts.acting, driver.feed, driver.fail)
        states = Embedded(driver.feed, driver.head, feed_all=driver.feed_all)
        driver.attach(network, disk, states)
        settings = parts.settings
        book = HookBook(os.path.join(parts.directory.path, HOOK_BOOK_NAME))
        hooks = Hooks(settings.hooks, self._hook_environment(), book, console.say)
        names = Access.of(*http_names(settings))
        app = site(driver, names, protocol=(PROTOCOL_MIN, PROTOCOL_MAX), state=states)
        server = LazyServer(app, self._socket_path, settings.web)
        server.open()
        logging.getLogger("pycluster").addHandler(_ToConsole(console))
        node = parts.node.config
        for line in banner(settings, parts.database.identity, node.address, parts.directory.path, server.addresses):
            console.say("agent-started", line)
        for warning in self._loaded.warnings:
            console.say("warning", f"Warning: {warning}")
        driver.listen(console.event)
        driver.listen(hooks.event)
        hooks.catch_up(settings.name, now_us(), time.time_ns() // 1_000_000)
        self._take_signals(loop)
        disk.start()
        await network.start()
        driver.start()
        server.start()
        self._ticker = loop.call_later(STATUS_EVERY_S, self._tick)
        # What exists now lives as long as the process: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        ending = await self._until_over()
        if self._ticker is not None:
            self._ticker.cancel()
        driver.stop()
        states.close()
        hooks.conclude(settings.name, now_us(), time.time_ns() // 1_000_000)
        # Hooks may take seconds. Streams that stood meanwhile would tell the others that this node lives.
        await network.close(goodbye=not ending.halted)
        await self._hooks_finished(hooks)
        await server.stop()
        return self._exit_code(ending)

    def _hook_environment(self) -> dict[str, str]:
        settings = self._parts.settings
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "PYCLUSTER_CLUSTER": settings.cluster,
            "PYCLUSTER_NAME": settings.name,
            "PYCLUSTER_DATA_DIR": self._parts.directory.path,
        }

    def _take_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._told_to_reload)
        # The command line that became this agent held them back meanwhile.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})

    def _told_to_stop(self, number: signal.Signals) -> None:
        if self._stopping:
            self._console.say("agent-stopping", f"{number.name} again: stopping at once")
            self._abandoned.set()
            return
        self._stopping = True
        self._console.say("agent-stopping", f"{number.name}: handing over, saying goodbye")
        asyncio.get_running_loop().call_later(DRAIN_PATIENCE_S, self._out_of_patience)
        self._driver.feed(events.Drain())

    def _out_of_patience(self) -> None:
        if not self._driver.ended.done():
            self._console.say("agent-stopping", f"no goodbye within {DRAIN_PATIENCE_S:g} s: stopping without")
            self._driver.stop()

    def _told_to_reload(self) -> None:
        if self._reload is None:
            return
        try:
            fresh = self._reload()
        except PyClusterError as error:
            for problem in getattr(error, "problems", ()) or (str(error),):
                self._console.say("reload-failed", f"The settings stay as they are: {problem}")
            return
        later = left_out(self._loaded, fresh)
        self._loaded = taken_over(self._loaded, fresh)
        seeds, tags = fresh.settings.seeds, tags_of(self._loaded.settings)
        self._driver.feed(events.Reload(triples(seeds), tags))
        for warning in fresh.warnings:
            self._console.say("warning", f"Warning: {warning}")
        rest = f"; a restart is needed for {', '.join(later)}" if later else ""
        self._console.say("reloaded", f"Settings read again: {len(seeds)} nodes, {len(tags)} tags{rest}")

    async def _until_over(self) -> Ending:
        abandoned = asyncio.ensure_future(self._abandoned.wait())
        either: set[asyncio.Future[Any]] = {self._driver.ended, abandoned}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        abandoned.cancel()
        return self._driver.ended.result() if self._driver.ended.done() else Ending()

    async def _hooks_finished(self, hooks: Hooks) -> None:
        finishing = asyncio.ensure_future(hooks.finish(HOOK_PATIENCE_S))
        abandoned = asyncio.ensure_future(self._abandoned.wait())
        either: set[asyncio.Future[Any]] = {finishing, abandoned}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not finishing.done():
            hooks.abandon()
        await finishing
        abandoned.cancel()

    def _exit_code(self, ending: Ending) -> int:
        if ending.halted:
            self._console.say(_CLOSED, f"Stopped, this node cannot go on: {ending.halted}")
            return 1
        if self._abandoned.is_set():
            return 1
        self._console.say(_CLOSED, "Stopped")
        return 0

    def _tick(self) -> None:
        self._ticker = asyncio.get_running_loop().call_later(STATUS_EVERY_S, self._tick)
        self._console.status(self._driver.status())
        self._watch_address()
        if self._parts.directory.lost and not self._directory_lost:
            self._directory_lost = True
            self._console.say(
                "data-directory-lost",
                f"The data directory {self._parts.directory.path} was removed: this agent goes on, but no command"
                " reaches it by its socket, and after its next start it is a new member; stop it and start it again",
            )

    def _watch_address(self) -> None:
        """An address that nobody chose follows the machine's own: DHCP, or a virtual machine that moved."""
        settings = self._parts.settings
        if settings.advertise is not None or not ipaddress.ip_address(settings.bind_host).is_unspecified:
            return
        current = self._parts.node.address
        fresh = moved(current, self._parts.node.peers)
        if fresh is not None:
            self._console.say("address-changed", f"This node is at {fresh} now; {current} is no longer this machine's")
            self._driver.feed(events.Readdressed(fresh))

    def _unforeseen(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        where = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else ""
        for line in [f"Internal error: {context.get('message', '')}", *where.splitlines()]:
            self._console.say("internal-error", line)


class _ToConsole(logging.Handler):
    """What the adapters log goes where everything else goes."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.say("agent-log", record.getMessage())
