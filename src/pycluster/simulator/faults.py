"""What goes wrong, when and for how long: drawn from a seed beforehand, so that any part can be left out."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import assert_never

import msgspec

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.simulator.network import Pair, Weather


class Crash(msgspec.Struct, frozen=True, tag=True):
    """The process dies (``power``: the whole machine) and starts again later, perhaps on a new disk or address."""

    at_us: int
    label: str
    down_us: int
    power: bool = False
    wipe: bool = False
    readdress: bool = False


class Blackout(msgspec.Struct, frozen=True, tag=True):
    """Every process dies within a moment; all start again."""

    at_us: int
    down_us: int


class Freeze(msgspec.Struct, frozen=True, tag=True):
    """SIGSTOP and SIGCONT."""

    at_us: int
    label: str
    for_us: int


class Cut(msgspec.Struct, frozen=True, tag=True):
    """Packets from each first to each second host of ``pairs`` are lost."""

    at_us: int
    for_us: int
    pairs: frozenset[Pair]
    text: str


class Storm(msgspec.Struct, frozen=True, tag=True):
    """Bad weather for everyone."""

    at_us: int
    for_us: int
    weather: Weather


class SlowDisk(msgspec.Struct, frozen=True, tag=True):
    """Every transaction takes ``least_us`` more or less."""

    at_us: int
    label: str
    for_us: int
    least_us: int


class Depart(msgspec.Struct, frozen=True, tag=True):
    """SIGTERM and a later start, or ``pycluster leave`` for good."""

    at_us: int
    label: str
    leave: bool
    away_us: int


class NamesFail(msgspec.Struct, frozen=True, tag=True):
    """No DNS answer."""

    at_us: int
    for_us: int


Fault = Crash | Blackout | Freeze | Cut | Storm | SlowDisk | Depart | NamesFail

_WEIGHTS: dict[str, int] = {
    "crash": 8,
    "power": 3,
    "wipe": 2,
    "readdress": 2,
    "blackout": 1,
    "freeze": 6,
    "partition": 6,
    "isolate": 4,
    "one-way": 5,
    "storm": 4,
    "slow-disk": 3,
    "drain": 3,
    "leave": 1,
    "names-fail": 1,
}


def draw(rng: Random, labels: Sequence[str], from_us: int, for_us: int) -> tuple[Fault, ...]:
    """A schedule for the hosts ``labels``: gaps of some seconds, lengths from an instant to half of ``for_us``."""
    faults: list[Fault] = []
    mean_us = rng.choice((1, 3, 3, 6)) * SECOND
    # Swarm testing: each seed switches some kinds off, so that the others meet in ways that an even mix never shows.
    kinds = [kind for kind in _WEIGHTS if rng.random() < 0.6] or ["crash"]
    weights = [_WEIGHTS[kind] for kind in kinds]
    at_us = from_us
    while True:
        at_us += int(rng.expovariate(1.0) * mean_us)
        if at_us >= from_us + for_us:
            return tuple(faults)
        kind = rng.choices(kinds, weights)[0]
        faults.append(_draw(rng, kind, labels, at_us))


def _length_us(rng: Random, most_us: int) -> int:
    """Short ones as likely as long ones."""
    return int(20 * MILLISECOND * (most_us / (20 * MILLISECOND)) ** rng.random())


def _draw(rng: Random, kind: str, labels: Sequence[str], at_us: int) -> Fault:
    label = rng.choice(labels)
    match kind:
        case "crash" | "power" | "wipe" | "readdress":
            power = kind == "power" or (kind != "crash" and rng.random() < 0.5)
            return Crash(
                at_us,
                label,
                _length_us(rng, 25 * SECOND),
                power=power,
                wipe=kind == "wipe",
                readdress=kind == "readdress",
            )
        case "blackout":
            return Blackout(at_us, _length_us(rng, 10 * SECOND))
        case "freeze":
            return Freeze(at_us, label, _length_us(rng, 12 * SECOND))
        case "partition":
            return _partition(rng, labels, at_us)
        case "isolate":
            rest = [other for other in labels if other != label]
            return Cut(at_us, _length_us(rng, 20 * SECOND), _both_ways([label], rest), f"{label} is isolated")
        case "one-way":
            return _one_way(rng, labels, at_us)
        case "storm":
            return Storm(at_us, _length_us(rng, 15 * SECOND), _storm(rng))
        case "slow-disk":
            return SlowDisk(at_us, label, _length_us(rng, 15 * SECOND), _length_us(rng, 2 * SECOND))
        case "drain" | "leave":
            return Depart(at_us, label, kind == "leave", SECOND + _length_us(rng, 15 * SECOND))
        case _:
            return NamesFail(at_us, _length_us(rng, 20 * SECOND))


def _partition(rng: Random, labels: Sequence[str], at_us: int) -> Fault:
    shuffled = rng.sample(labels, len(labels))
    one = sorted(shuffled[: rng.randint(1, max(len(shuffled) // 2, 1))])
    other = [label for label in labels if label not in one]
    text = f"{' '.join(one)} | {' '.join(other)}"
    return Cut(at_us, _length_us(rng, 25 * SECOND), _both_ways(one, other), text)


def _one_way(rng: Random, labels: Sequence[str], at_us: int) -> Fault:
    for_us = _length_us(rng, 15 * SECOND)
    label = rng.choice(labels)
    rest = [other for other in labels if other != label]
    match rng.randrange(3):
        case 0:
            return Cut(at_us, for_us, frozenset((label, other) for other in rest), f"{label} is heard by nobody")
        case 1:
            return Cut(at_us, for_us, frozenset((other, label) for other in rest), f"{label} hears nobody")
        case _:
            if not rest:
                return Cut(at_us, for_us, frozenset(), "nothing is cut")
            deaf = rng.choice(rest)
            return Cut(at_us, for_us, frozenset({(label, deaf)}), f"{deaf} does not hear {label}")


def _both_ways(one: Sequence[str], other: Sequence[str]) -> frozenset[Pair]:
    return frozenset(pair for a in one for b in other for pair in ((a, b), (b, a)))


def _storm(rng: Random) -> Weather:
    match rng.randrange(4):
        case 0:
            return Weather(loss=rng.choice((0.05, 0.2, 0.5)))
        case 1:
            return Weather(least_us=_length_us(rng, SECOND // 2), jitter_us=_length_us(rng, SECOND))
        case 2:
            return Weather(duplicate=0.3, jitter_us=_length_us(rng, SECOND), corrupt=0.05)
        case _:
            return Weather(spike=0.1, spike_us=2 * SECOND, loss=0.02)


def describe(fault: Fault) -> str:
    """One line for the story."""
    match fault:
        case Crash(_, label, down_us):
            what = [word for word in ("power", "wipe", "readdress") if getattr(fault, word)]
            return f"crash {label} for {down_us // 1000} ms {' '.join(what)}".rstrip()
        case Blackout(_, down_us):
            return f"everything crashes for {down_us // 1000} ms"
        case Freeze(_, label, for_us):
            return f"freeze {label} for {for_us // 1000} ms"
        case Cut(_, for_us, _, text):
            return f"cut: {text}, for {for_us // 1000} ms"
        case Storm(_, for_us, weather):
            return f"storm for {for_us // 1000} ms: {weather}"
        case SlowDisk(_, label, for_us, least_us):
            return f"disk of {label} takes {least_us // 1000} ms, for {for_us // 1000} ms"
        case Depart(_, label, leave, away_us):
            return f"{label} leaves" if leave else f"{label} drains, back after {away_us // 1000} ms"
        case NamesFail(_, for_us):
            return f"no DNS for {for_us // 1000} ms"
        case _:
            assert_never(fault)
