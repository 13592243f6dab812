"""Swarm testing: every seed draws which kinds of faults it knows, how often each comes, and then the faults.

An even mix of everything never shows what happens where one fault is frequent and another is absent (Groce et al.,
"Swarm Testing", ISSTA 2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.simulator.faults import (
    Attack,
    Blackout,
    Churn,
    ClockJump,
    Crash,
    Cut,
    Depart,
    DiskFails,
    Fault,
    Flap,
    Freeze,
    Move,
    NamesFail,
    SlowDisk,
    Stalls,
    Storm,
    Swap,
    Upgrade,
)
from pycluster.simulator.hostile import EVIDENCE, RECORDS
from pycluster.simulator.network import Pair, Weather

#: How often each kind comes where it comes at all, before the seed's own factor.
_WEIGHTS: dict[str, int] = {
    "crash": 8,
    "power": 3,
    "wipe": 2,
    "readdress": 2,
    "blackout": 1,
    "freeze": 6,
    "stalls": 3,
    "clock-jump": 3,
    "partition": 6,
    "isolate": 4,
    "one-way": 5,
    "flap": 4,
    "storm": 4,
    "slow-disk": 3,
    "disk-fails": 2,
    "move": 1,
    "swap": 1,
    "churn": 2,
    "upgrade": 1,
    "evidence": 3,
    "records": 1,
    "drain": 3,
    "leave": 1,
    "names-fail": 1,
}


class Mix(msgspec.Struct, frozen=True):
    """What goes wrong in one seed: a fault every ``mean_us`` on average, of these kinds and weights."""

    mean_us: int
    weights: dict[str, int]

    def __str__(self) -> str:
        kinds = " ".join(f"{kind}:{weight}" for kind, weight in self.weights.items())
        return f"a fault every {self.mean_us / SECOND:g} s on average, of {kinds}"


class Cast(msgspec.Struct, frozen=True):
    """Who may be hit: every label, and those that have no seat."""

    labels: Sequence[str]
    others: Sequence[str]


def mix(rng: Random) -> Mix:
    """Draw one seed's mix."""
    share = rng.choice((0.15, 0.4, 0.4, 0.7))
    kinds = [kind for kind in _WEIGHTS if rng.random() < share] or [rng.choice(list(_WEIGHTS))]
    weights = {kind: _WEIGHTS[kind] * rng.choice((1, 1, 2, 6)) for kind in kinds}
    return Mix(rng.choice((SECOND // 2, SECOND, 3 * SECOND, 3 * SECOND, 6 * SECOND)), weights)


def draw(rng: Random, of: Mix, cast: Cast, from_us: int, for_us: int) -> tuple[Fault, ...]:
    """A schedule: gaps of some seconds, lengths from an instant to half of ``for_us``."""
    faults: list[Fault] = []
    kinds, weights = list(of.weights), list(of.weights.values())
    at_us = from_us
    while True:
        at_us += int(rng.expovariate(1.0) * of.mean_us)
        if at_us >= from_us + for_us:
            return tuple(faults)
        kind = rng.choices(kinds, weights)[0]
        faults.append(_draw(rng, kind, cast, at_us))


def _length_us(rng: Random, most_us: int, least_us: int = 20 * MILLISECOND) -> int:
    """Short ones as likely as long ones."""
    return int(least_us * (most_us / least_us) ** rng.random())


def _draw(rng: Random, kind: str, cast: Cast, at_us: int) -> Fault:
    label = rng.choice(cast.labels)
    match kind:
        case "crash" | "power" | "wipe" | "readdress":
            power = kind == "power" or (kind != "crash" and rng.random() < 0.5)
            down_us = _length_us(rng, 25 * SECOND)
            return Crash(at_us, label, down_us, power=power, wipe=kind == "wipe", readdress=kind == "readdress")
        case "blackout":
            return Blackout(at_us, _length_us(rng, 10 * SECOND))
        case "freeze":
            return Freeze(at_us, label, _length_us(rng, 12 * SECOND))
        case "stalls":
            longest_us = _length_us(rng, 5 * SECOND, 200 * MILLISECOND)
            return Stalls(at_us, _length_us(rng, 20 * SECOND, SECOND), _some(rng, cast.labels), longest_us)
        case "clock-jump":
            return ClockJump(at_us, label, _length_us(rng, 300 * SECOND, 200 * MILLISECOND))
        case "drain" | "leave":
            return Depart(at_us, label, kind == "leave", SECOND + _length_us(rng, 15 * SECOND))
        case "churn":
            return Churn(at_us, _some(rng, cast.others), _length_us(rng, 15 * SECOND))
        case "upgrade":
            return Upgrade(at_us, _length_us(rng, 5 * SECOND, SECOND))
        case "evidence" | "records":
            tricks = _some(rng, EVIDENCE if kind == "evidence" else RECORDS)
            return Attack(at_us, _length_us(rng, 20 * SECOND, SECOND), _length_us(rng, SECOND), tricks)
        case "names-fail":
            return NamesFail(at_us, _length_us(rng, 20 * SECOND))
        case "slow-disk" | "disk-fails" | "move" | "swap":
            return _machine(rng, kind, cast, at_us)
        case _:
            return _wire(rng, kind, cast.labels, at_us)


def _machine(rng: Random, kind: str, cast: Cast, at_us: int) -> Fault:
    label = rng.choice(cast.labels)
    match kind:
        case "slow-disk":
            return SlowDisk(at_us, label, _length_us(rng, 15 * SECOND), _length_us(rng, 2 * SECOND))
        case "disk-fails":
            return DiskFails(at_us, label, _length_us(rng, 15 * SECOND), rng.random() < 0.5)
        case "move":
            return Move(at_us, label, _length_us(rng, 10 * SECOND), rng.random() < 0.5)
        case _:
            return Swap(at_us, label, rng.choice(cast.labels), _length_us(rng, 5 * SECOND))


def _wire(rng: Random, kind: str, labels: Sequence[str], at_us: int) -> Fault:
    label = rng.choice(labels)
    match kind:
        case "partition":
            return _partition(rng, labels, at_us)
        case "isolate":
            pairs = _both_ways([label], _but(labels, label))
            return Cut(at_us, _length_us(rng, 20 * SECOND), pairs, f"{label} is isolated", clean=True)
        case "one-way":
            pairs, text = _one_way(rng, labels)
            return Cut(at_us, _length_us(rng, 15 * SECOND), pairs, text)
        case "flap":
            return _flap(rng, labels, at_us)
        case _:
            return Storm(at_us, _length_us(rng, 15 * SECOND), _storm(rng))


def _some(rng: Random, of: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(rng.sample(list(of), rng.randint(1, len(of))))) if of else ()


def _but(labels: Sequence[str], label: str) -> list[str]:
    return [other for other in labels if other != label]


def _partition(rng: Random, labels: Sequence[str], at_us: int) -> Fault:
    shuffled = rng.sample(labels, len(labels))
    one = sorted(shuffled[: rng.randint(1, max(len(shuffled) // 2, 1))])
    other = [label for label in labels if label not in one]
    text = f"{' '.join(one)} | {' '.join(other)}"
    return Cut(at_us, _length_us(rng, 25 * SECOND), _both_ways(one, other), text, clean=True)


def _flap(rng: Random, labels: Sequence[str], at_us: int) -> Fault:
    label = rng.choice(labels)
    rest = _but(labels, label)
    match rng.randrange(3):
        case 0:
            pairs, text = _both_ways([label], rest), label
        case 1:
            pairs, text = _one_way(rng, labels)
        case _:
            other = rng.choice(rest or labels)
            pairs, text = _both_ways([label], [other]), f"{label} - {other}"
    for_us = _length_us(rng, 25 * SECOND, SECOND)
    down_us, up_us = (_length_us(rng, 3 * SECOND, 50 * MILLISECOND) for _ in range(2))
    return Flap(at_us, for_us, pairs, down_us, up_us, text)


def _one_way(rng: Random, labels: Sequence[str]) -> tuple[frozenset[Pair], str]:
    label = rng.choice(labels)
    rest = _but(labels, label)
    match rng.randrange(3):
        case 0:
            return frozenset((label, other) for other in rest), f"{label} is heard by nobody"
        case 1:
            return frozenset((other, label) for other in rest), f"{label} hears nobody"
        case _:
            if not rest:
                return frozenset(), "nothing is cut"
            deaf = rng.choice(rest)
            return frozenset({(label, deaf)}), f"{deaf} does not hear {label}"


def _both_ways(one: Sequence[str], other: Sequence[str]) -> frozenset[Pair]:
    return frozenset(pair for a in one for b in other if a != b for pair in ((a, b), (b, a)))


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
