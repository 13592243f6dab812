"""What goes wrong, when and for how long. ``swarm`` draws it, ``chaos`` performs it."""

from __future__ import annotations

from typing import assert_never

import msgspec

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


class Stalls(msgspec.Struct, frozen=True, tag=True):
    """Processes that get no processor, again and again: for 0.1 s up to ``longest_us`` at a time."""

    at_us: int
    for_us: int
    labels: tuple[str, ...]
    longest_us: int


class ClockJump(msgspec.Struct, frozen=True, tag=True):
    """The boot-time clock leaps ahead: a virtual machine was resumed."""

    at_us: int
    label: str
    by_us: int


class Cut(msgspec.Struct, frozen=True, tag=True):
    """Packets from each first to each second host of ``pairs`` are lost."""

    at_us: int
    for_us: int
    pairs: frozenset[Pair]
    text: str
    #: Each host is on one of two sides, and reaches everyone on its own.
    clean: bool = False


class Flap(msgspec.Struct, frozen=True, tag=True):
    """The same, again and again: lost for up to ``down_us``, through for up to ``up_us``."""

    at_us: int
    for_us: int
    pairs: frozenset[Pair]
    down_us: int
    up_us: int
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


class DiskFails(msgspec.Struct, frozen=True, tag=True):
    """The next transaction fails, and the process ends; it starts again later, on a new disk where ``replaced``."""

    at_us: int
    label: str
    away_us: int
    replaced: bool


class Move(msgspec.Struct, frozen=True, tag=True):
    """The address changes under a running process: after a while it is told, or (``bound``) has to be started anew."""

    at_us: int
    label: str
    after_us: int
    bound: bool


class Swap(msgspec.Struct, frozen=True, tag=True):
    """Two hosts stop and come back at each other's address."""

    at_us: int
    one: str
    other: str
    down_us: int


class Churn(msgspec.Struct, frozen=True, tag=True):
    """Members without a seat go all at once, some with a goodbye, and come back all at once."""

    at_us: int
    labels: tuple[str, ...]
    away_us: int


class Upgrade(msgspec.Struct, frozen=True, tag=True):
    """Whoever still runs the previous version is drained and started with this one, one after the other."""

    at_us: int
    gap_us: int


class Attack(msgspec.Struct, frozen=True, tag=True):
    """A stranger on the wire does ``tricks`` (see ``hostile``) every ``every_us``."""

    at_us: int
    for_us: int
    every_us: int
    tricks: tuple[str, ...]


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


Fault = (
    Crash
    | Blackout
    | Freeze
    | Stalls
    | ClockJump
    | Cut
    | Flap
    | Storm
    | SlowDisk
    | DiskFails
    | Move
    | Swap
    | Churn
    | Upgrade
    | Attack
    | Depart
    | NamesFail
)


def describe(fault: Fault) -> str:
    """One line for the story."""
    match fault:
        case Crash(_, label, down_us):
            what = [word for word in ("power", "wipe", "readdress") if getattr(fault, word)]
            return f"crash {label} for {_ms(down_us)} {' '.join(what)}".rstrip()
        case Blackout(_, down_us):
            return f"everything crashes for {_ms(down_us)}"
        case Freeze(_, label, for_us):
            return f"freeze {label} for {_ms(for_us)}"
        case Stalls(_, for_us, labels, longest_us):
            return f"{' '.join(labels)} stalled for up to {_ms(longest_us)} at a time, for {_ms(for_us)}"
        case ClockJump(_, label, by_us):
            return f"clock of {label} jumps {_ms(by_us)} ahead"
        case Cut(_, for_us, _, text):
            return f"cut: {text}, for {_ms(for_us)}"
        case Flap(_, for_us, _, down_us, up_us, text):
            return f"flapping: {text}, down {_ms(down_us)} and up {_ms(up_us)} at most, for {_ms(for_us)}"
        case Storm(_, for_us, weather):
            return f"storm for {_ms(for_us)}: {weather}"
        case SlowDisk(_, label, for_us, least_us):
            return f"disk of {label} takes {_ms(least_us)}, for {_ms(for_us)}"
        case _:
            return _describe(fault)


def _describe(fault: DiskFails | Move | Swap | Churn | Upgrade | Attack | Depart | NamesFail) -> str:
    match fault:
        case DiskFails(_, label, away_us, replaced):
            return f"disk of {label} fails, {'a new one' if replaced else 'works again'} after {_ms(away_us)}"
        case Move(_, label, after_us, bound):
            then = "is started anew" if bound else "notices"
            return f"{label} gets another address while it runs, and {then} after {_ms(after_us)}"
        case Swap(_, one, other, down_us):
            return f"{one} and {other} swap addresses, down for {_ms(down_us)}"
        case Churn(_, labels, away_us):
            return f"{' '.join(labels)} go at once, back after {_ms(away_us)}"
        case Upgrade(_, gap_us):
            return f"upgrade, one every {_ms(gap_us)}"
        case Attack(_, for_us, every_us, tricks):
            return f"attack by {' '.join(tricks)} every {_ms(every_us)}, for {_ms(for_us)}"
        case Depart(_, label, leave, away_us):
            return f"{label} leaves" if leave else f"{label} drains, back after {_ms(away_us)}"
        case NamesFail(_, for_us):
            return f"no DNS for {_ms(for_us)}"
        case _:
            assert_never(fault)


def _ms(time_us: int) -> str:
    return f"{time_us // 1000} ms"
