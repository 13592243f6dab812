"""Swarm testing: every seed draws which kinds of faults it knows, how often each comes, and then the faults.

An even mix of everything never shows what happens where one fault is frequent and another is absent (Groce et al.,
"Swarm Testing", ISSTA 2012).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

import msgspec

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.simulator import faults
from pycluster.simulator.faults import Fault
from pycluster.simulator.hostile import EVIDENCE, RECORDS
from pycluster.simulator.network import Pair, Weather


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


class Turn(msgspec.Struct, frozen=True):
    """What a fault is drawn from: chance, whom it may hit, whom it hits where it takes one, and when."""

    rng: Random
    cast: Cast
    label: str
    at_us: int

    def another(self) -> str:
        """A label drawn once more."""
        return self.rng.choice(self.cast.labels)


class Kind(msgspec.Struct, frozen=True):
    """How often a kind comes where it comes at all, before the seed's own factor, and how one is drawn."""

    weight: int
    draw: Callable[[Turn], Fault]


def mix(rng: Random) -> Mix:
    """Draw one seed's mix."""
    share = rng.choice((0.15, 0.4, 0.4, 0.7))
    kinds = [kind for kind in KINDS if rng.random() < share] or [rng.choice(list(KINDS))]
    weights = {kind: KINDS[kind].weight * rng.choice((1, 1, 2, 6)) for kind in kinds}
    return Mix(rng.choice((SECOND // 2, SECOND, 3 * SECOND, 3 * SECOND, 6 * SECOND)), weights)


def draw(rng: Random, of: Mix, cast: Cast, from_us: int, for_us: int) -> tuple[Fault, ...]:
    """A schedule: gaps of some seconds, lengths from an instant to half of ``for_us``."""
    drawn: list[Fault] = []
    kinds, weights = list(of.weights), list(of.weights.values())
    at_us = from_us
    while True:
        at_us += int(rng.expovariate(1.0) * of.mean_us)
        if at_us >= from_us + for_us:
            return tuple(drawn)
        kind = rng.choices(kinds, weights)[0]
        drawn.append(KINDS[kind].draw(Turn(rng, cast, rng.choice(cast.labels), at_us)))


def reseatings(rng: Random, labels: Sequence[str], from_us: int, for_us: int) -> tuple[Fault, ...]:
    """Changes of the voters, in half of the seeds: seldom, often, or several at a time."""
    if len(labels) < 2 or rng.random() < 0.5:
        return ()
    mean_us, drawn, at_us = rng.choice((SECOND // 2, 3 * SECOND, 10 * SECOND)), list[Fault](), from_us
    while (at_us := at_us + int(rng.expovariate(1.0) * mean_us)) < from_us + for_us:
        old, new = rng.sample(list(labels), 2)
        kind = rng.choice(("add", "remove", "replace", "replace"))
        leads = kind != "add" and rng.random() < 0.3
        drawn.append(faults.Reseat(at_us, "" if kind == "add" else old, "" if kind == "remove" else new, leads))
    return tuple(drawn)


def _length_us(rng: Random, most_us: int, least_us: int = 20 * MILLISECOND) -> int:
    """Short ones as likely as long ones."""
    return int(least_us * (most_us / least_us) ** rng.random())


def _crash(turn: Turn, *, power: float = 0.0, wipe: bool = False, readdress: bool = False) -> Fault:
    """``power``: the probability that the whole machine dies."""
    lost = power == 1.0 or (power > 0.0 and turn.rng.random() < power)
    down_us = _length_us(turn.rng, 25 * SECOND)
    return faults.Crash(turn.at_us, turn.label, down_us, power=lost, wipe=wipe, readdress=readdress)


def _stalls(turn: Turn) -> Fault:
    rng = turn.rng
    longest_us = _length_us(rng, 5 * SECOND, 200 * MILLISECOND)
    for_us = _length_us(rng, 20 * SECOND, SECOND)
    return faults.Stalls(turn.at_us, for_us, _some(rng, turn.cast.labels), longest_us)


def _clock_jump(turn: Turn) -> Fault:
    return faults.ClockJump(turn.at_us, turn.label, _length_us(turn.rng, 300 * SECOND, 200 * MILLISECOND))


def _attack(turn: Turn, tricks: Sequence[str]) -> Fault:
    rng = turn.rng
    chosen = _some(rng, tricks)
    return faults.Attack(turn.at_us, _length_us(rng, 20 * SECOND, SECOND), _length_us(rng, SECOND), chosen)


def _churn(turn: Turn) -> Fault:
    labels = _some(turn.rng, turn.cast.others)
    return faults.Churn(turn.at_us, labels, _length_us(turn.rng, 15 * SECOND))


def _depart(turn: Turn, *, leave: bool) -> Fault:
    return faults.Depart(turn.at_us, turn.label, leave, SECOND + _length_us(turn.rng, 15 * SECOND))


def _slow_disk(turn: Turn) -> Fault:
    rng, label = turn.rng, turn.another()
    return faults.SlowDisk(turn.at_us, label, _length_us(rng, 15 * SECOND), _length_us(rng, 2 * SECOND))


def _disk_fails(turn: Turn) -> Fault:
    rng, label = turn.rng, turn.another()
    return faults.DiskFails(turn.at_us, label, _length_us(rng, 15 * SECOND), rng.random() < 0.5)


def _move(turn: Turn) -> Fault:
    rng, label = turn.rng, turn.another()
    return faults.Move(turn.at_us, label, _length_us(rng, 10 * SECOND), rng.random() < 0.5)


def _swap(turn: Turn) -> Fault:
    one, other = turn.another(), turn.another()
    return faults.Swap(turn.at_us, one, other, _length_us(turn.rng, 5 * SECOND))


def _isolate(turn: Turn) -> Fault:
    label = turn.another()
    pairs = _both_ways([label], _but(turn.cast.labels, label))
    return faults.Cut(turn.at_us, _length_us(turn.rng, 20 * SECOND), pairs, f"{label} is isolated", clean=True)


def _deafen(turn: Turn) -> Fault:
    turn.another()
    pairs, text = _one_way(turn.rng, turn.cast.labels)
    return faults.Cut(turn.at_us, _length_us(turn.rng, 15 * SECOND), pairs, text)


def _storm(turn: Turn) -> Fault:
    turn.another()
    return faults.Storm(turn.at_us, _length_us(turn.rng, 15 * SECOND), _weather(turn.rng))


def _some(rng: Random, of: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(rng.sample(list(of), rng.randint(1, len(of))))) if of else ()


def _but(labels: Sequence[str], label: str) -> list[str]:
    return [other for other in labels if other != label]


def _partition(turn: Turn) -> Fault:
    turn.another()
    rng, labels = turn.rng, turn.cast.labels
    shuffled = rng.sample(labels, len(labels))
    one = sorted(shuffled[: rng.randint(1, max(len(shuffled) // 2, 1))])
    other = [label for label in labels if label not in one]
    text = f"{' '.join(one)} | {' '.join(other)}"
    return faults.Cut(turn.at_us, _length_us(rng, 25 * SECOND), _both_ways(one, other), text, clean=True)


def _flap(turn: Turn) -> Fault:
    turn.another()
    rng, labels = turn.rng, turn.cast.labels
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
    return faults.Flap(turn.at_us, for_us, pairs, down_us, up_us, text)


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


def _weather(rng: Random) -> Weather:
    match rng.randrange(4):
        case 0:
            return Weather(loss=rng.choice((0.05, 0.2, 0.5)))
        case 1:
            return Weather(least_us=_length_us(rng, SECOND // 2), jitter_us=_length_us(rng, SECOND))
        case 2:
            return Weather(duplicate=0.3, jitter_us=_length_us(rng, SECOND), corrupt=0.05)
        case _:
            return Weather(spike=0.1, spike_us=2 * SECOND, loss=0.02)


#: Every kind of fault that a seed may know, in the order in which its random numbers ask for them.
KINDS: dict[str, Kind] = {
    "crash": Kind(8, _crash),
    "power": Kind(3, partial(_crash, power=1.0)),
    "wipe": Kind(2, partial(_crash, power=0.5, wipe=True)),
    "readdress": Kind(2, partial(_crash, power=0.5, readdress=True)),
    "blackout": Kind(1, lambda turn: faults.Blackout(turn.at_us, _length_us(turn.rng, 10 * SECOND))),
    "freeze": Kind(6, lambda turn: faults.Freeze(turn.at_us, turn.label, _length_us(turn.rng, 12 * SECOND))),
    "stalls": Kind(3, _stalls),
    "clock-jump": Kind(3, _clock_jump),
    "partition": Kind(6, _partition),
    "isolate": Kind(4, _isolate),
    "one-way": Kind(5, _deafen),
    "flap": Kind(4, _flap),
    "storm": Kind(4, _storm),
    "slow-disk": Kind(3, _slow_disk),
    "disk-fails": Kind(2, _disk_fails),
    "move": Kind(1, _move),
    "swap": Kind(1, _swap),
    "churn": Kind(2, _churn),
    "upgrade": Kind(1, lambda turn: faults.Upgrade(turn.at_us, _length_us(turn.rng, 5 * SECOND, SECOND))),
    "evidence": Kind(3, partial(_attack, tricks=EVIDENCE)),
    "records": Kind(1, partial(_attack, tricks=RECORDS)),
    "drain": Kind(3, partial(_depart, leave=False)),
    "leave": Kind(1, partial(_depart, leave=True)),
    "names-fail": Kind(1, lambda turn: faults.NamesFail(turn.at_us, _length_us(turn.rng, 20 * SECOND))),
}
