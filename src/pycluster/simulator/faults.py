"""What goes wrong, when and for how long, in a line for the story each. ``swarm`` draws it, ``chaos`` performs it."""

from __future__ import annotations

import msgspec

from pycluster.simulator.network import Pair, Weather


def _ms(time_us: int) -> str:
    return f"{time_us // 1000} ms"


class Crash(msgspec.Struct, frozen=True, tag=True):
    """The process dies (``power``: the whole machine) and starts again later, perhaps on a new disk or address."""

    at_us: int
    label: str
    down_us: int
    power: bool = False
    wipe: bool = False
    readdress: bool = False

    def __str__(self) -> str:
        what = [word for word in ("power", "wipe", "readdress") if getattr(self, word)]
        return f"crash {self.label} for {_ms(self.down_us)} {' '.join(what)}".rstrip()


class Blackout(msgspec.Struct, frozen=True, tag=True):
    """Every process dies within a moment; all start again."""

    at_us: int
    down_us: int

    def __str__(self) -> str:
        return f"everything crashes for {_ms(self.down_us)}"


class Freeze(msgspec.Struct, frozen=True, tag=True):
    """SIGSTOP and SIGCONT."""

    at_us: int
    label: str
    for_us: int

    def __str__(self) -> str:
        return f"freeze {self.label} for {_ms(self.for_us)}"


class Stalls(msgspec.Struct, frozen=True, tag=True):
    """Processes that get no processor, again and again: for 0.1 s up to ``longest_us`` at a time."""

    at_us: int
    for_us: int
    labels: tuple[str, ...]
    longest_us: int

    def __str__(self) -> str:
        most = f"for up to {_ms(self.longest_us)} at a time"
        return f"{' '.join(self.labels)} stalled {most}, for {_ms(self.for_us)}"


class ClockJump(msgspec.Struct, frozen=True, tag=True):
    """The boot-time clock leaps ahead: a virtual machine was resumed."""

    at_us: int
    label: str
    by_us: int

    def __str__(self) -> str:
        return f"clock of {self.label} jumps {_ms(self.by_us)} ahead"


class Cut(msgspec.Struct, frozen=True, tag=True):
    """Packets from each first to each second host of ``pairs`` are lost."""

    at_us: int
    for_us: int
    pairs: frozenset[Pair]
    text: str
    #: Each host is on one of two sides, and reaches everyone on its own.
    clean: bool = False

    def __str__(self) -> str:
        return f"cut: {self.text}, for {_ms(self.for_us)}"


class Flap(msgspec.Struct, frozen=True, tag=True):
    """The same, again and again: lost for up to ``down_us``, through for up to ``up_us``."""

    at_us: int
    for_us: int
    pairs: frozenset[Pair]
    down_us: int
    up_us: int
    text: str

    def __str__(self) -> str:
        pace = f"down {_ms(self.down_us)} and up {_ms(self.up_us)} at most"
        return f"flapping: {self.text}, {pace}, for {_ms(self.for_us)}"


class Storm(msgspec.Struct, frozen=True, tag=True):
    """Bad weather for everyone."""

    at_us: int
    for_us: int
    weather: Weather

    def __str__(self) -> str:
        return f"storm for {_ms(self.for_us)}: {self.weather}"


class SlowDisk(msgspec.Struct, frozen=True, tag=True):
    """Every transaction takes ``least_us`` more or less."""

    at_us: int
    label: str
    for_us: int
    least_us: int

    def __str__(self) -> str:
        return f"disk of {self.label} takes {_ms(self.least_us)}, for {_ms(self.for_us)}"


class DiskFails(msgspec.Struct, frozen=True, tag=True):
    """The next transaction fails, and the process ends; it starts again later, on a new disk where ``replaced``."""

    at_us: int
    label: str
    away_us: int
    replaced: bool

    def __str__(self) -> str:
        then = "a new one" if self.replaced else "works again"
        return f"disk of {self.label} fails, {then} after {_ms(self.away_us)}"


class Move(msgspec.Struct, frozen=True, tag=True):
    """The address changes under a running process: after a while it is told, or (``bound``) has to be started anew."""

    at_us: int
    label: str
    after_us: int
    bound: bool

    def __str__(self) -> str:
        then = "is started anew" if self.bound else "notices"
        return f"{self.label} gets another address while it runs, and {then} after {_ms(self.after_us)}"


class Swap(msgspec.Struct, frozen=True, tag=True):
    """Two hosts stop and come back at each other's address."""

    at_us: int
    one: str
    other: str
    down_us: int

    def __str__(self) -> str:
        return f"{self.one} and {self.other} swap addresses, down for {_ms(self.down_us)}"


class Churn(msgspec.Struct, frozen=True, tag=True):
    """Members without a seat go all at once, some with a goodbye, and come back all at once."""

    at_us: int
    labels: tuple[str, ...]
    away_us: int

    def __str__(self) -> str:
        return f"{' '.join(self.labels)} go at once, back after {_ms(self.away_us)}"


class Upgrade(msgspec.Struct, frozen=True, tag=True):
    """Whoever still runs the previous version is drained and started with this one, one after the other."""

    at_us: int
    gap_us: int

    def __str__(self) -> str:
        return f"upgrade, one every {_ms(self.gap_us)}"


class Attack(msgspec.Struct, frozen=True, tag=True):
    """A stranger on the wire does ``tricks`` (see ``hostile``) every ``every_us``."""

    at_us: int
    for_us: int
    every_us: int
    tricks: tuple[str, ...]

    def __str__(self) -> str:
        return f"attack by {' '.join(self.tricks)} every {_ms(self.every_us)}, for {_ms(self.for_us)}"


class Depart(msgspec.Struct, frozen=True, tag=True):
    """SIGTERM and a later start, or ``pycluster leave`` for good."""

    at_us: int
    label: str
    leave: bool
    away_us: int

    def __str__(self) -> str:
        if self.leave:
            return f"{self.label} leaves"
        return f"{self.label} drains, back after {_ms(self.away_us)}"


class Reseat(msgspec.Struct, frozen=True, tag=True):
    """An operator gives ``new`` a seat, takes ``old``'s away, or both; one of them may be nobody.

    ``of_leader``: whoever leads by then is meant instead of ``old``.
    """

    at_us: int
    old: str
    new: str
    of_leader: bool = False

    def __str__(self) -> str:
        old = "the leader" if self.of_leader else self.old
        if old and self.new:
            return f"the seat of {old} shall move to {self.new}"
        return f"{self.new} shall vote" if self.new else f"the seat of {old} shall go"


class NamesFail(msgspec.Struct, frozen=True, tag=True):
    """No DNS answer."""

    at_us: int
    for_us: int

    def __str__(self) -> str:
        return f"no DNS for {_ms(self.for_us)}"


#: What happens to processes, to machines under them, and between machines.
OfProcesses = Crash | Blackout | Move | Swap | Churn | Upgrade | Depart | Reseat
OfMachines = Freeze | Stalls | ClockJump | SlowDisk | DiskFails
OnTheWire = Cut | Flap | Storm | NamesFail | Attack
Fault = OfProcesses | OfMachines | OnTheWire
