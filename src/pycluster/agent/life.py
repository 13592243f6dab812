"""An agent's life: put together, started, told things by signals, drained, stopped."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

import uvloop

from pycluster.agent.addresses import moved
from pycluster.agent.assemble import HOOK_BOOK_NAME, SOCKET_NAME, Parts, assemble, http_names, triples
from pycluster.agent.backups import Backups
from pycluster.agent.banner import banner
from pycluster.agent.closing import (
    ABANDONED_PATIENCE_S,
    CLOSED,
    FILES_PATIENCE_S,
    Closing,
    Last,
    Step,
    obey_signals_at_once,
    overdue,
)
from pycluster.agent.console import Console, LogToConsole, say_where
from pycluster.agent.controllers import RENDERED, REPORT, Leading, configuration, everywhere
from pycluster.agent.engine import differing, other_engine
from pycluster.agent.reload import left_out, taken_over
from pycluster.engines import Embedded
from pycluster.kernel.errors import PyClusterError
from pycluster.node import events
from pycluster.node.ports import StateEngine
from pycluster.runtime import (
    Driver,
    Ending,
    HookBook,
    Hooks,
    NodeDisk,
    PortNetwork,
    Reconciler,
    now_us,
    raise_limit,
)
from pycluster.settings import Loaded, effective, tags_of
from pycluster.web import Access, LazyServer, site
from pycluster.wire import PROTOCOL_MAX, PROTOCOL_MIN

#: Between two status blocks, as the origin prints them.
STATUS_EVERY_S = 5.0
#: Handing over and saying goodbye may take this long; then the agent ends without.
DRAIN_PATIENCE_S = 10.0


def run(loaded: Loaded, reload: Callable[[], Loaded] | None = None) -> int:
    """Run an agent in the foreground until it is told to stop; gives the exit code.

    ``reload`` reads the settings again, for SIGHUP. Raises ``LocalMisuse`` or ``LocalFault`` where it cannot start.
    """
    raise_limit()
    with ExitStack() as last, ExitStack() as stack:
        parts = assemble(loaded, stack)
        server_path = os.path.join(parts.directory.path, SOCKET_NAME)
        console = Console(loaded.settings.log_format)
        last.callback(console.close)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            life = _Life(parts, loaded, reload, console, server_path)
            code = runner.run(life.live())
            last.enter_context(overdue(console, code, ABANDONED_PATIENCE_S if life.abandoned else FILES_PATIENCE_S))
    return code


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
        #: Of whom it was said that something else holds their state, and what.
        self._differ: dict[str, str] = {}
        self._abandoned = asyncio.Event()
        self._ticker: asyncio.TimerHandle | None = None

    @property
    def abandoned(self) -> bool:
        """Whether it was told to stop at once."""
        return self._abandoned.is_set()

    async def live(self) -> int:
        """Everything between the sockets' opening and the exit code."""
        parts, console = self._parts, self._console
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unforeseen)
        self._driver = driver = Driver(parts.node, lambda: effective(self._loaded))
        network = PortNetwork(parts.ports, driver.feed, driver.feed_all)
        disk = NodeDisk(parts.database, parts.acting, parts.seats, driver.feed, driver.fail)
        embedded = Embedded(driver.feed, driver.head, feed_all=driver.feed_all, copy=driver.open_copy)
        driver.attach(network, disk, embedded)
        settings = parts.settings
        other = other_engine(settings, driver.head)
        states: StateEngine = other or embedded
        backups = Backups(settings, states, driver.leader, driver.feed, say=console.say)
        names = Access.of(*http_names(settings))
        configs = configuration(settings, driver, states)
        here = everywhere(settings, parts.directory.path, self._hook_environment(), driver, states, driver.feed)
        served = {"state": states, "copies": states, "configs": configs, "files": here.files}
        app = site(driver, names, protocol=(PROTOCOL_MIN, PROTOCOL_MAX), **served)
        leading = Leading(settings, driver.feed)
        actors = {**here.actors, **leading.actors()}
        reconciler = Reconciler(settings.name, driver, states, leading.make, here.controllers, actors=actors)
        here.listen(lambda: reconciler.nudge(REPORT), lambda: reconciler.nudge(RENDERED))
        driver.reconciles(reconciler.views)
        server = LazyServer(app, self._socket_path, settings.web)
        server.open()
        logging.getLogger("pycluster").addHandler(LogToConsole(console))
        node = parts.node.config
        for line in banner(settings, parts.database.identity, node.address, parts.directory.path, server.addresses):
            console.say("agent-started", line)
        for warning in self._loaded.warnings:
            console.say("warning", f"Warning: {warning}")
        if parts.seats.problem:
            console.say("warning", f"Warning: {parts.seats.problem}: the nodes of [nodes] are contacted")
        book = HookBook(os.path.join(parts.directory.path, HOOK_BOOK_NAME))
        hooks = Hooks(settings.hooks, self._hook_environment(), book, console.say)
        driver.listen(console.event)
        driver.listen(hooks.event)
        driver.listen(reconciler.event)
        driver.listen(backups.event)
        hooks.catch_up(settings.name, now_us(), time.time_ns() // 1_000_000)
        self._take_signals(loop)
        disk.start()
        await network.start()
        driver.start()
        if other is not None:
            driver.keeps_state_in(other.view)
            other.start()
        reconciler.start()
        server.start()
        backups.start()
        self._ticker = loop.call_later(STATUS_EVERY_S, self._tick)
        # What exists now lives as long as the process: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        ending = await self._until_over()
        work = (("Controllers", reconciler.stop), ("Templates", here.close), ("Backups", backups.stop))
        return await self._close(ending, hooks, network, work, (states, embedded), server)

    async def _close(
        self,
        ending: Ending,
        hooks: Hooks,
        network: PortNetwork,
        work: tuple[tuple[str, Step], ...],
        states: tuple[StateEngine, ...],
        server: LazyServer,
    ) -> int:
        """End it all; gives the exit code."""
        if self._ticker is not None:
            self._ticker.cancel()
        if ending.halted:
            self._console.say("agent-stopping", f"This node cannot go on, stopping: {ending.halted}")

        def answer() -> None:
            for one in states:
                one.close()

        name = self._parts.settings.name
        steps = Last(
            stand_still=self._driver.stop,
            conclude=lambda: hooks.conclude(name, now_us(), time.time_ns() // 1_000_000),
            hang_up=lambda: network.close(goodbye=not ending.halted),
            hooks=hooks.finish,
            abandon_hooks=hooks.abandon,
            work=work,
            answer=answer,
            serve=server.stop,
        )
        await Closing(self._abandoned, self._console.say).close(steps)
        code = self._exit_code(ending)
        obey_signals_at_once(asyncio.get_running_loop())
        return code

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
        if self._driver.ended.done():
            self._console.say("agent-stopping", f"{number.name}: it is stopping; once more ends it at once")
            return
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
            self._not_reloaded(getattr(error, "problems", ()) or (str(error),))
            return
        later, taken = left_out(self._loaded, fresh), taken_over(self._loaded, fresh)
        # With what waits for a restart the new tags may not fit, though the file is right.
        seeds, tags = fresh.settings.seeds, tags_of(taken.settings)
        outcome = self._driver.reload(triples(seeds), tags)
        if not outcome.ok:
            self._not_reloaded((": ".join(filter(None, (outcome.what, outcome.why))),))
            return
        self._loaded = taken
        for warning in fresh.warnings:
            self._console.say("warning", f"Warning: {warning}")
        rest = f"; a restart is needed for {', '.join(later)}" if later else ""
        self._console.say("reloaded", f"Settings read again: {len(seeds)} nodes, {len(tags)} tags{rest}")

    def _not_reloaded(self, problems: Iterable[str]) -> None:
        for problem in problems:
            self._console.say("reload-failed", f"The settings stay as they are: {problem}")

    async def _until_over(self) -> Ending:
        abandoned = asyncio.ensure_future(self._abandoned.wait())
        either: set[asyncio.Future[Any]] = {self._driver.ended, abandoned}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        abandoned.cancel()
        return self._driver.ended.result() if self._driver.ended.done() else Ending()

    def _exit_code(self, ending: Ending) -> int:
        """With the last word."""
        if ending.halted:
            self._console.say(CLOSED, f"Stopped, this node cannot go on: {ending.halted}")
            return 1
        if self.abandoned:
            return 1
        self._console.say(CLOSED, "Stopped")
        return 0

    def _tick(self) -> None:
        self._ticker = asyncio.get_running_loop().call_later(STATUS_EVERY_S, self._tick)
        self._console.status(self._driver.status())
        self._watch_address()
        self._watch_engines()
        if self._parts.directory.lost and not self._directory_lost:
            self._directory_lost = True
            self._console.say(
                "data-directory-lost",
                f"The data directory {self._parts.directory.path} was removed: this agent goes on, but no command"
                " reaches it by its socket, and after its next start it is a new member; stop it and start it again",
            )

    def _watch_engines(self) -> None:
        engine = self._parts.settings.state_engine
        for name, other in differing(self._driver.members(), engine).items():
            if self._differ.get(name) != other:
                self._console.say(
                    "warning",
                    f"Warning: the state of {name} is in {other}, that of this node in {engine}: what one writes the"
                    " other does not see; give every node the same [state] engine",
                )
                self._differ[name] = other

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
        self._console.say("internal-error", f"Internal error: {context.get('message', '')}")
        say_where(self._console, context.get("exception"))
