"""Frames that real nodes wrote: three of them form, elect, lose one and get it back, in the simulator."""

from __future__ import annotations

import functools

import msgspec

from pycluster.kernel.ids import Address
from pycluster.kernel.units import SECOND
from pycluster.node import events
from pycluster.node.effects import Effect
from pycluster.simulator.checkers import Checker
from pycluster.simulator.cluster import formed
from pycluster.simulator.host import Host

CLUSTER = "demo"
NAMES = ("node001", "node002", "node003")
_KEPT_OF_A_SORT = 12
_WAYS = {"Datagram": "datagram", "PostReceived": "post", "CallReceived": "call", "CallReplied": "reply"}


class Frame(msgspec.Struct, frozen=True):
    """One frame and how it came: ``datagram``, ``post``, ``call`` or ``reply``; seconds since the start, its reader."""

    way: str
    data: bytes
    at_us: int
    reader: str
    #: Who is who in it: name, uuid and address of each of ``NAMES``.
    cast: tuple[tuple[str, str, Address], ...]

    @property
    def datagram(self) -> bool:
        """Whether it came by UDP."""
        return self.way == "datagram"


class _Tap(Checker):
    """Notes what every node was given."""

    def __init__(self, cast: tuple[tuple[str, str, Address], ...]) -> None:
        self.frames: list[Frame] = []
        self._cast = cast

    def handled(self, host: Host, event: events.Event, effects: list[Effect], now_us: int) -> None:
        if isinstance(event, events.Datagram | events.PostReceived | events.CallReceived | events.CallReplied):
            self.frames.append(Frame(_WAYS[type(event).__name__], event.data, now_us, host.label, self._cast))


@functools.cache
def captured() -> tuple[Frame, ...]:
    """A few frames of every sort: by way, kind and the tag of the message."""
    cluster = formed(NAMES, seed=1)
    world = cluster.world
    tap = _Tap(tuple((name, host.disk.identity(name).uuid, host.address) for name, host in world.hosts.items()))
    world.watch(tap)
    world.run(10 * SECOND)
    world.tell(world.hosts["node003"], events.SetTags(1, {"rack": "r1"}))
    world.run(2 * SECOND)
    world.kill(world.hosts["node001"])
    world.run(20 * SECOND)
    world.start(world.hosts["node001"])
    world.run(10 * SECOND)
    world.tell(world.hosts["node002"], events.Drain())
    world.run(2 * SECOND)
    sorts: dict[object, list[Frame]] = {}
    for frame in tap.frames:
        body = msgspec.msgpack.decode(frame.data[13:])
        found = sorts.setdefault((frame.way, frame.data[12], _tags(body)), [])
        if len(found) < _KEPT_OF_A_SORT:
            found.append(frame)
    return tuple(frame for found in sorts.values() for frame in found)


def _tags(body: object) -> tuple[str, ...]:
    """The short words in it that tell its messages apart."""
    if not isinstance(body, list):
        return ()
    own = tuple(part for part in body[:1] if isinstance(part, str) and len(part) <= 2)
    return own + tuple(tag for part in body for tag in _tags(part))[:6]
