"""The driver: feeds what happens to the node, performs what it wants done, in order, and wakes it when it asked to be.

It is the running node to everyone else (``node.ports.Cluster``). All of it runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from pycluster.kernel.errors import LocalFault
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node import Node, effects, events
from pycluster.node.copying import StateCopy
from pycluster.node.events import Event
from pycluster.node.ports import Outcome, StateHead
from pycluster.node.view import (
    ClusterEvent,
    ControllerView,
    EngineView,
    Explanation,
    LeaderView,
    MemberView,
    RaftStatusView,
    StatusView,
)
from pycluster.runtime import clock
from pycluster.runtime.journal import EventJournal
from pycluster.runtime.ports import Disk, Ending, Network, States

#: A wake-up that is later than this is told to the node: this process got no processor, and must not accuse others.
LAG_US = 100 * MILLISECOND
#: So is a clock that leapt by more than this, however early: less than what a lease and the debt to it are apart.
LEAP_US = 20 * MILLISECOND
#: Moving a timer is much cheaper than waking up for nothing, but not for a moment's difference.
_REARM_US = 20 * MILLISECOND
#: Never sleep longer, so that a stopped process is noticed when it goes on.
_SLEEP_MAX_US = SECOND
_STOPPING = Outcome(False, "the agent is stopping")


class Driver:
    """One running node. ``attach`` gives it a network and a disk, ``start`` brings it to life."""

    def __init__(self, node: Node, settings: Callable[[], dict[str, object]], leaps: clock.Leaps | None = None) -> None:
        self._node = node
        self._leaps = leaps or clock.Leaps()
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._armed_us = 0
        self._commands: dict[int, asyncio.Future[Outcome]] = {}
        self._next_command = 0
        self._controllers: Callable[[], tuple[ControllerView, ...]] = tuple
        self._engine: Callable[[], EngineView] = EngineView
        self._listeners: list[Callable[[ClusterEvent], None]] = []
        #: While effects are performed the node stands still, and so does what answers to many say of it.
        self._performing = False
        self._head: StateHead | None = None
        self.journal = EventJournal()
        self.ended: asyncio.Future[Ending] = self._loop.create_future()
        self._measured: Callable[[RaftStatusView], RaftStatusView]
        self._perform: dict[type[Any], Callable[[Any], None]] = {}

    # --- life -----------------------------------------------------------------------------------------------------

    def attach(self, network: Network, disk: Disk, states: States) -> None:
        """What performs the effects."""
        self._measured = disk.measured
        self._perform = {
            effects.SendDatagram: lambda e: network.send(e.to, e.data),
            effects.Call: network.call,
            effects.Answer: lambda e: network.answer(e.token, e.data),
            effects.Hangup: lambda e: network.hang_up(e.token),
            effects.Post: network.post,
            effects.KeepStreams: network.keep_streams,
            effects.CloseStream: lambda e: network.close_stream(e.stream),
            effects.Persist: disk.persist,
            effects.KeepPiece: disk.keep_piece,
            effects.StateAnswered: states.answered,
            effects.WatchTold: states.told,
            effects.Resolve: network.resolve,
            effects.RecordActing: disk.record_acting,
            effects.KeepSeats: disk.keep_seats,
            effects.Publish: lambda e: self._publish(e.event),
            effects.CommandDone: self._command_done,
            effects.Drained: lambda e: self._end(Ending()),
            effects.Halt: lambda e: self._end(Ending(e.reason)),
        }

    def listen(self, listener: Callable[[ClusterEvent], None]) -> None:
        """Tell ``listener`` every event from now on."""
        self._listeners.append(listener)

    def reconciles(self, views: Callable[[], tuple[ControllerView, ...]]) -> None:
        """What to show of the controllers in the status."""
        self._controllers = views

    def keeps_state_in(self, view: Callable[[], EngineView]) -> None:
        """What to show of another engine in the status."""
        self._engine = view

    def start(self) -> None:
        """The node's first event."""
        self.feed(events.Start())

    def stop(self) -> None:
        """Nothing more reaches the node."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._end(Ending())
        for waiting in self._commands.values():
            if not waiting.done():
                waiting.set_result(Outcome(False, "the agent stopped first", in_doubt=True))

    def fail(self, fault: LocalFault) -> None:
        """This machine let us down, and the node cannot go on."""
        self._end(Ending(str(fault)))

    # --- events and effects ---------------------------------------------------------------------------------------

    def feed(self, event: events.Event) -> None:
        """Hand an event to the node and do what it wants done."""
        self.feed_all((event,))

    def feed_all(self, happened: Sequence[Event]) -> None:
        """The same for events that came together."""
        if self.ended.done():
            return
        now_us = clock.now_us()
        late_us, leapt_us = now_us - self._armed_us if self._armed_us else 0, self._leaps.since_last(now_us)
        if late_us > LAG_US or leapt_us > LEAP_US:
            self._armed_us = now_us
            if self._timer is not None:
                self._timer.cancel()  # it would fire by the clock as it was
                self._timer = None
            self._handle((events.LoopLagged(max(late_us, leapt_us)),), now_us)
        self._handle(happened, now_us)
        self._arm(now_us)

    def _handle(self, happened: Sequence[Event], now_us: int) -> None:
        perform = self._perform
        try:
            todo = self._node.handle_all(happened, now_us)
            self._performing = True
            for effect in todo:
                perform[type(effect)](effect)
                if self.ended.done():
                    return
        except Exception as error:
            # A node that failed half-way must not go on deciding; the loop's exception handler tells where.
            self._end(Ending(f"internal error: {error!r}"))
            raise
        finally:
            self._performing, self._head = False, None

    def _arm(self, now_us: int) -> None:
        deadline_us = self._node.next_deadline()
        due_us = now_us + _SLEEP_MAX_US if deadline_us is None else min(deadline_us, now_us + _SLEEP_MAX_US)
        if self._timer is not None:
            if self._armed_us <= due_us < self._armed_us + _REARM_US:
                return  # it will look again when it fires
            self._timer.cancel()
        self._armed_us = due_us
        self._timer = self._loop.call_later(max(due_us - now_us, 0) / 1_000_000, self._wake)

    def _wake(self) -> None:
        self._timer = None
        if self.ended.done():
            return
        now_us = clock.now_us()
        deadline_us = self._node.next_deadline()
        if now_us - self._armed_us > LAG_US or (deadline_us is not None and deadline_us <= now_us):
            self.feed(events.Timer())
        else:
            self._armed_us = 0
            self._arm(now_us)

    def _publish(self, event: ClusterEvent) -> None:
        told = msgspec.structs.replace(event, wall_ms=time.time_ns() // 1_000_000)
        self.journal.append(told)
        for listener in self._listeners:
            listener(told)

    def _command_done(self, done: effects.CommandDone) -> None:
        waiting = self._commands.pop(done.command, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(Outcome(done.ok, done.what, done.why, done.remedy, done.in_doubt))

    def _end(self, ending: Ending) -> None:
        if not self.ended.done():
            self.ended.set_result(ending)

    def reload(self, seeds: tuple[tuple[str, str, int], ...], tags: dict[str, str]) -> Outcome:
        """Take these over, which the node decides at once."""
        asked = self._asked(lambda command: events.Reload(command, seeds, tags))
        return asked.result() if asked.done() else _STOPPING

    # --- node.ports.Cluster ---------------------------------------------------------------------------------------

    def status(self) -> StatusView:
        status = self._node.status(clock.now_us())
        return msgspec.structs.replace(status, controllers=self._controllers(), engine=self._engine())

    def members(self) -> tuple[MemberView, ...]:
        return self._node.members(clock.now_us())

    def member(self, name: str) -> MemberView | None:
        return self._node.member(name, clock.now_us())

    def leader(self) -> LeaderView:
        return self._node.leader(clock.now_us())

    def raft(self) -> RaftStatusView:
        return self._measured(self._node.raft(clock.now_us()))

    def head(self) -> StateHead:
        """The replicated state at this node, for ``engines``."""
        head = self._head if self._head is not None else self._node.head(clock.now_us())
        if self._performing:
            self._head = head
        return head

    def open_copy(self) -> StateCopy | None:
        """The replicated state at this node as a whole, for ``engines``."""
        return self._node.state.open_copy()

    def explain(self, question: str, name: str = "") -> Explanation:
        return self._node.explain(question, name, clock.now_us())

    def settings(self) -> dict[str, object]:
        return self._settings()

    def events(self, after: int | None) -> AsyncIterator[ClusterEvent]:
        return self.journal.follow(after)

    async def join(self, hosts: tuple[str, ...]) -> Outcome:
        from pycluster.runtime.seeds import parse

        seeds = parse(hosts, self._node.config.address.port)
        return await self._command(lambda command: events.Join(command, seeds))

    async def leave(self) -> Outcome:
        return await self._command(events.Leave)

    async def force_leave(self, name: str) -> Outcome:
        return await self._command(lambda command: events.ForceLeave(command, name))

    async def transfer(self, to: str) -> Outcome:
        return await self._command(lambda command: events.TransferLeadership(command, to))

    async def add_voter(self, name: str, dry_run: bool = False) -> Outcome:
        return await self._command(lambda command: events.AddSeat(command, name, dry_run))

    async def remove_voter(self, name: str, dry_run: bool = False) -> Outcome:
        return await self._command(lambda command: events.RemoveSeat(command, name, dry_run))

    async def replace_voter(self, old: str, name: str, dry_run: bool = False) -> Outcome:
        return await self._command(lambda command: events.ReplaceSeat(command, old, name, dry_run))

    async def set_tags(self, tags: dict[str, str]) -> Outcome:
        return await self._command(lambda command: events.SetTags(command, tags))

    async def _command(self, make: Callable[[int], Event]) -> Outcome:
        return await self._asked(make)

    def _asked(self, make: Callable[[int], Event]) -> asyncio.Future[Outcome]:
        waiting: asyncio.Future[Outcome] = self._loop.create_future()
        if self.ended.done():
            waiting.set_result(_STOPPING)
            return waiting
        self._next_command += 1
        self._commands[self._next_command] = waiting
        self.feed(make(self._next_command))
        return waiting
