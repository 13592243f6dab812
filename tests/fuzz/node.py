"""A whole node in a small world: whatever comes from the network and whenever, it never raises and stays bounded.

The input is a list of happenings, each a byte for the way, one for how much time passes before, two of length, a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from random import Random

from pycluster import membership
from pycluster.consensus import Stored
from pycluster.kernel.ids import Address, Identity, Seed
from pycluster.kernel.units import MILLISECOND
from pycluster.node import Node, NodeConfig, effects, events
from tests.fuzz.frames import CLUSTER, NAMES, captured
from tests.fuzz.mutation import mutated_bytes, mutated_frame

_SEEDS = tuple(Seed(name, f"10.0.0.{number}", 7946) for number, name in enumerate(NAMES, start=1))
_PEER = Address("10.0.0.2", 7946)
_MEMBERS_MAX = 16
_CONFIG = NodeConfig(
    CLUSTER,
    NAMES[0],
    Address("10.0.0.1", 7946),
    _SEEDS,
    membership=membership.Params(members_max=_MEMBERS_MAX, pending_max=8, queue_max=16),
)
_WAYS = ("datagram", "call", "post", "reply", "stream", "ended", "lost", "refused", "failed")
_HAPPENINGS_MAX = 40
#: One event moves a node to send a few packets and calls to each of a few members; ``Records`` may name a tableful.
_EFFECTS_MAX = 40 + 12 * _MEMBERS_MAX
_STEPS_US = (0, 1, MILLISECOND, 50 * MILLISECOND, 300 * MILLISECOND, 1_100 * MILLISECOND, 10_000 * MILLISECOND)


def seeds() -> Iterable[bytes]:
    """Each captured frame alone, and the first of them in a row."""
    ordered = sorted(captured(), key=lambda frame: frame.at_us)
    for frame in ordered:
        yield _written(_WAYS.index(frame.way), 2, frame.data)
    for start in range(0, len(ordered), 8):
        row = ordered[start : start + 8]
        yield b"".join(_written(_WAYS.index(frame.way), 3, frame.data) for frame in row)
    for frame in ordered[:2]:
        greeting = _written(4, 2, frame.data)
        yield greeting + _written(5, 2, b"\0") + _written(7, 4, b"") + _written(6, 2, b"") + _written(8, 5, b"")


def mutate(data: bytes, rng: Random) -> bytes:
    """One happening changed, left out, doubled or moved; most often its frame alone."""
    found = list(_happenings(data))
    if not found:
        return mutated_bytes(data, rng)
    place = rng.randrange(len(found))
    way, pause, frame = found[place]
    choice = rng.random()
    if choice < 0.1:
        found.insert(rng.randrange(len(found) + 1), found[place])
    elif choice < 0.2:
        found[place] = (rng.randrange(len(_WAYS)), pause, frame)
    elif choice < 0.3:
        found[place] = (way, rng.randrange(len(_STEPS_US)), frame)
    elif choice < 0.35:
        del found[place]
    else:
        found[place] = (way, pause, mutated_frame(frame, rng))
    return b"".join(_written(*one) for one in found)


def run(data: bytes) -> None:
    """Let it happen to a fresh node."""
    node = Node(_CONFIG, Identity(NAMES[0], captured()[0].cast[0][1], 4), Stored(), Random(1))
    now_us, calls = 1_000_000, [0]
    _perform(node, node.handle(events.Start(), now_us), now_us, calls)
    for token, (way, pause, frame) in enumerate(_happenings(data), start=1):
        now_us += _STEPS_US[pause]
        due = node.next_deadline()
        if due is not None and due <= now_us:
            _perform(node, node.handle(events.Timer(), now_us), now_us, calls)
        _perform(node, node.handle(_event(_WAYS[way], frame, token, calls[-1]), now_us), now_us, calls)
    status = node.status(now_us)
    assert len(status.members) <= _MEMBERS_MAX + len(_SEEDS)
    node.explain("leader", "", now_us)
    assert node.next_deadline() is not None


def _perform(node: Node, todo: list[effects.Effect], now_us: int, calls: list[int]) -> None:
    """What the runtime would do with it, as far as it comes back at once."""
    assert len(todo) <= _EFFECTS_MAX, len(todo)
    for effect in todo:
        match effect:
            case effects.Persist(token):
                more = node.handle(events.Persisted(token), now_us)
                assert len(more) <= _EFFECTS_MAX
            case effects.Call(call):
                calls.append(call)
            case effects.Halt(reason):
                raise AssertionError(f"the network stopped a node: {reason}")
            case effects.SendDatagram(_, data):
                assert len(data) <= 1_400, len(data)
            case _:
                pass


def _event(way: str, frame: bytes, token: int, call: int) -> events.Event:
    made: dict[str, Callable[[], events.Event]] = {
        "datagram": lambda: events.Datagram(_PEER, frame),
        "call": lambda: events.CallReceived(token, _PEER, frame),
        "post": lambda: events.PostReceived(_PEER, frame),
        "reply": lambda: events.CallReplied(call, frame),
        "stream": lambda: events.StreamOpened(token, frame),
        "ended": lambda: events.StreamEnded(max(1, token - 1), goodbye=bool(frame and frame[0] & 1)),
        "lost": lambda: events.StreamLost(_PEER),
        "refused": lambda: events.Refused(_PEER),
        "failed": lambda: events.CallFailed(call, "refused"),
    }
    return made[way]()


def _happenings(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = count = 0
    while at + 4 <= len(data) and count < _HAPPENINGS_MAX:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield data[at] % len(_WAYS), data[at + 1] % len(_STEPS_US), data[at + 4 : at + 4 + length]
        at, count = at + 4 + length, count + 1


def _written(way: int, pause: int, frame: bytes) -> bytes:
    return bytes((way, pause)) + len(frame).to_bytes(2, "big") + frame
