"""A machine: an address, a clock, a disk, and at most one process that is running, frozen or dead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pycluster.kernel.ids import Address
from pycluster.node.effects import Effect
from pycluster.node.events import Event
from pycluster.node.view import LeaderView, MemberView, QuorumView
from pycluster.simulator.disk import Disk
from pycluster.simulator.timeline import Clock

#: Datagrams that a socket's buffer holds while nobody reads it.
SOCKET_BUFFER = 256


class Process(Protocol):
    """What the world drives: :class:`~pycluster.node.node.Node`, or a fake."""

    def handle(self, event: Event, now_us: int) -> list[Effect]: ...

    def next_deadline(self) -> int | None: ...

    def quorum(self, now_us: int) -> QuorumView: ...

    def leader(self, now_us: int) -> LeaderView: ...

    def members(self, now_us: int) -> Sequence[MemberView]: ...

    def member(self, name: str, now_us: int) -> MemberView | None: ...

    def copy(self) -> tuple[int, int] | None: ...


class Host:
    """One machine of the world. ``label`` is unique in the world; ``name`` is the node's, and two may claim one."""

    def __init__(self, label: str, name: str, cluster: str, address: Address, clock: Clock, disk: Disk) -> None:
        self.label = label
        self.name = name
        self.cluster = cluster
        self.address = address
        self.clock = clock
        self.disk = disk
        self.process: Process | None = None
        #: Counts processes, so that nothing meant for a dead one reaches its successor.
        self.life = 0
        self.powered = True
        self.frozen_since_us: int | None = None
        self.inbox: list[Event] = []
        self.datagrams_waiting = 0
        self.wake_us: int | None = None
        self.started_us = 0
        self.boots = 1
        #: Until when the faults so far excuse being accused, true µs.
        self.disturbed_until_us = 0
        #: Told to leave or to drain in this life.
        self.departed = False
        self.drained = False
        #: Left for good: it is not started again.
        self.gone = False
        #: Its address changed under the process: its connections lead nowhere until they are given up.
        self.moved = False
        #: Its next process is one of the previous version.
        self.older = False
        #: Claims a name that is another host's.
        self.stranger = False
        #: How often ``handle`` was called, and how often for a timer, in this life.
        self.handled = 0

    @property
    def running(self) -> bool:
        """Whether a process lives here and gets the processor."""
        return self.process is not None and self.frozen_since_us is None

    def __repr__(self) -> str:
        return f"<{self.label} life {self.life}>"
