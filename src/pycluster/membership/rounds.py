"""One round: a member under probe, what came of it so far, and when it ends (SWIM §3.1; strengths are ours)."""

from __future__ import annotations

import msgspec

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND
from pycluster.membership.suspicion import REFUSED, SILENT, UNREACHABLE

#: TCP probes of one round: the first, and two more where it connected and heard nothing.
CALLS_MAX = 3


class Miss(msgspec.Struct, frozen=True):
    """A probe of ``name`` found nobody: the period's own (``verification`` false) or a verification's.

    ``strength``: 0 silent, 1 unreachable, 2 refused; ``detail`` says what was seen. ``foreign``: the UUID of
    another identity that answered at its address.
    """

    name: str
    uuid: str
    verification: bool
    strength: int
    detail: str
    foreign: str = ""


class Round(msgspec.Struct):
    """One member under probe: the period's own, or a verification's. Times in µs.

    ``ends_us`` comes nearer when the TCP probe says how it stands. ``again_us``: further pings, soonest first.
    """

    seq: int
    name: str
    uuid: str
    verification: bool
    sent_us: int
    help_us: int
    ends_us: int
    helped: bool = False
    helpers: int = 0
    nacks: set[str] = msgspec.field(default_factory=set)
    by_tcp: bool = False
    foreign: str = ""
    foreign_uuid: str = ""
    again_us: list[int] = msgspec.field(default_factory=list)
    calls: int = 0
    called_us: int = 0
    strength: int = SILENT

    def due_us(self) -> int:
        """When it wants to be looked at next."""
        if not self.helped:
            return min(self.help_us, self.ends_us)
        return min(self.ends_us, self.again_us[0]) if self.again_us else self.ends_us

    def answered_by(self, name: str, uuid: str) -> None:
        """Another life has the address; it does not count for the one that is sought."""
        self.foreign = f"{name} answers there under another identity"
        self.foreign_uuid = uuid

    def refused(self, now_us: int, wait_us: int) -> None:
        """Nobody has the port: an answer by UDP has this long from the first ping, and half of it from now."""
        self.strength = REFUSED
        self.ends_us = min(self.ends_us, max(self.sent_us + wait_us, now_us + wait_us // 2))

    def unreachable(self, now_us: int, wait_us: int) -> None:
        """No connection in ``wait_us``: it ends when that is over and all who were asked to help have said no.

        A quarter later it ends without the rest; but where nobody said no, this node's own network is in question.
        """
        self.strength = UNREACHABLE
        if self.helpers and not self.nacks:
            return
        if len(self.nacks) < self.helpers:
            wait_us += wait_us // 4
        self.ends_us = min(self.ends_us, max(now_us, self.called_us + wait_us))

    def mute_helpers(self) -> int:
        """Helpers that say nothing at all point at this node's own network (Lifeguard §IV-A).

        A refusal has shown already that it works, and so has another identity that answered.
        """
        return 0 if self.strength == REFUSED or self.foreign_uuid else max(0, self.helpers - len(self.nacks))

    def miss(self, now_us: int) -> Miss:
        """What it comes to when it ended without proof of life."""
        waited = f"{(now_us - self.sent_us) // MILLISECOND} ms"
        seen = {
            SILENT: f"no answer by UDP or TCP in {waited}",
            UNREACHABLE: f"no connection, no answer by UDP in {waited}",
            REFUSED: f"connection refused, no answer by UDP in {waited}",
        }[self.strength]
        helpers = f", {len(self.nacks)} of {self.helpers} helpers neither" if self.helpers else ""
        detail = self.foreign or seen + helpers
        return Miss(self.name, self.uuid, self.verification, self.strength, detail, self.foreign_uuid)


class Relay(msgspec.Struct):
    """A probe on another's behalf; an ack that comes after the nack is passed on all the same."""

    origin: Address
    origin_seq: int
    nack_us: int
    ends_us: int
    nacked: bool = False
