"""Finding others: configured nodes and the down for ever, and the comparison of whole tables (anti-entropy).

Who is missing (suspect or down, or configured or joined and not alive) is contacted in turn, a third of them at a time;
by a node that is alone, all at once. The pause between two turns is a sixteenth of the time since the membership last
changed, between ``reconnect_interval`` and ``seed_interval``, times a quarter of the living where those are more than
four: a cluster's contacts a second are bounded whatever its size, and what was cut off for long may take longer to be
noticed. ``docs/protocol/membership.md`` gives the bound on healing that follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from pycluster.kernel.ids import Address, Seed
from pycluster.kernel.units import MILLISECOND
from pycluster.membership.effects import Resolve
from pycluster.membership.messages import Alive, Digest, Push
from pycluster.membership.state import Purpose, State

_PATIENCE = 16
_CONTACTS_BY = 4
_ADDRESSES_TRIED = 4
_TURNS = 3
_SYNC_STRETCH_PAST = 32
#: Contacts of one turn: with those that this node met or that are configured, and with the others, whom somebody may
#: have invented by the thousand.
_CONTACTS_MAX, _HEARSAY_CONTACTS_MAX = 256, 32


class _Target(msgspec.Struct):
    """A configured or joined host: by ``name`` where the configuration gives one."""

    name: str
    host: str
    port: int


One = TypeVar("One", str, str | _Target)


class Discovery:
    """Whom to contact, and when."""

    def __init__(self, state: State, seeds: tuple[Seed, ...]) -> None:
        self._s = state
        self._targets: list[_Target] = []
        self._turn: list[str | _Target] = []
        self._hearsay_turn: list[str] = []
        self._sync_us: int | None = None
        self._contact_us: int | None = None
        #: The pause after which all are contacted again, while that is still to happen more often than later.
        self._eager_us = 0
        self._changed_us = 0
        self._syncing: dict[Address, int] = {}
        self.set_seeds(seeds)

    def set_seeds(self, seeds: tuple[Seed, ...]) -> None:
        """The configured nodes, this one not among them."""
        joined = [target for target in self._targets if not target.name]
        self._targets = [
            _Target(seed.name, seed.host, seed.port) for seed in seeds if seed.name != self._s.local.name
        ] + joined
        self._hurry()

    def begin(self) -> None:
        """Contact everyone at once."""
        s = self._s
        self._changed_us = s.now_us
        self._sync_us = s.now_us + self._sync_pause_us()
        self._contact_us = s.now_us
        self._hurry()

    def end(self) -> None:
        """Contact nobody any more."""
        self._targets.clear()
        self._turn.clear()
        self._hearsay_turn.clear()
        self._sync_us = self._contact_us = None

    def join(self, seeds: tuple[tuple[str, int], ...]) -> None:
        """More hosts, tried now and then kept as targets."""
        known = {(target.host, target.port) for target in self._targets}
        for host, port in seeds[: self._s.params.pending_max]:
            if (host, port) not in known and len(self._targets) < self._s.params.pending_max:
                self._targets.append(_Target("", host, port))
        self._hurry()

    def changed(self) -> None:
        """Somebody came or went: look for the missing more often again."""
        s = self._s
        self._changed_us = s.now_us
        if self._contact_us is not None:
            soon_us = s.now_us + s.params.reconnect_interval_ms * MILLISECOND
            if soon_us < self._contact_us:
                self._contact_us = min(self._contact_us, s.now_us + self._pause_us())

    def lagged(self, lag_us: int) -> None:
        """Time in which nothing ran here is no time in which nothing changed."""
        self._changed_us = min(self._changed_us + lag_us, self._s.now_us)

    def next_deadline(self) -> int | None:
        """The next contact or comparison."""
        if self._contact_us is None or self._sync_us is None:
            return None
        return min(self._contact_us, self._sync_us)

    def tick(self) -> None:
        """Everything due."""
        s = self._s
        if self._contact_us is not None and s.now_us >= self._contact_us:
            self._contact_next()
        if self._sync_us is not None and s.now_us >= self._sync_us:
            self._sync_us = s.now_us + self._sync_pause_us()
            for partner in s.some(1, "alive") if s.refused_by is None else ():
                self.sync(partner.address)

    def on_resolved(self, addresses: tuple[Address, ...]) -> None:
        """Compare tables with whoever is there and not known to live."""
        for address in addresses[:_ADDRESSES_TRIED]:
            if address != self._s.local.address and not self._lives_at(address):
                self.sync(address, join=True)

    def _lives_at(self, address: Address) -> bool:
        """Whether somebody else is known to live there; nobody is, while this node's own name is refused."""
        s = self._s
        return s.refused_by is None and any(
            member.address == address and member.state == "alive" and member is not s.local
            for member in s.table.values()
        )

    def sync(self, to: Address, *, join: bool = False) -> None:
        """Compare tables, unless that is under way with ``to``."""
        s = self._s
        if s.leaving or self._syncing.get(to, -1) > s.now_us:
            return
        timeout_ms = s.params.call_timeout_ms
        self._syncing = {address: until for address, until in self._syncing.items() if until > s.now_us}
        if s.call(to, Digest(self._me(), s.table.digest, join), Purpose("sync", to=to), timeout_ms):
            self._syncing[to] = s.now_us + timeout_ms * MILLISECOND

    def synced(self, to: Address | None) -> None:
        """An exchange ended."""
        if to is not None:
            self._syncing.pop(to, None)

    def push(self, to: Address) -> None:
        """Tell the other side what its table lacked."""
        s = self._s
        s.call(to, Push(self._me(), s.records()), Purpose("push", to=to))

    def _me(self) -> Alive:
        return self._s.local.alive_message()

    def _hurry(self) -> None:
        """Contact all who are missing at once, and a few times more in the next moments."""
        self._eager_us = self._s.params.seed_interval_min_ms * MILLISECOND
        if self._contact_us is not None:
            self._contact_us = self._s.now_us

    def _missing(self) -> tuple[list[str | _Target], list[str]]:
        """The down and the suspects by name, and the targets that nobody alive stands for.

        Apart from these: those that this node never met.
        """
        s = self._s
        silent = s.others("suspect", "down") if s.refused_by is None else []
        met = [member.name for member in silent if member.met]
        hearsay = [member.name for member in silent if not member.met]
        return [*met, *(target for target in self._targets if self._is_missing(target))], hearsay

    def _is_missing(self, one: str | _Target) -> bool:
        """Whether it still is, as ``_missing`` counts."""
        member = self._s.table.get(one if isinstance(one, str) else one.name)
        if isinstance(one, str):
            return member is not None and member.state in ("suspect", "down") and self._s.refused_by is None
        return (member is None or member.state != "alive") and one in self._targets

    def _contact_next(self) -> None:
        s = self._s
        if self._eager_us < s.params.reconnect_interval_ms * MILLISECOND:
            missing, hearsay = self._missing()
            self._contact_all(missing if len(missing) <= _CONTACTS_MAX else s.rng.sample(missing, _CONTACTS_MAX))
            self._contact_all(s.rng.sample(hearsay, min(len(hearsay), _HEARSAY_CONTACTS_MAX)))
            pause_us = self._eager_us
            self._eager_us *= 2
        else:
            self._contact_some()
            pause_us = self._pause_us()
        self._contact_us = s.now_us + pause_us - s.rng.randrange(pause_us // 4 + 1)

    def _contact_some(self) -> None:
        """The next third of the missing in a random order; all of them where nobody is there to help looking."""
        missing, hearsay = self._missing()
        self._turn = self._contact_turn(self._turn, missing, _CONTACTS_MAX)
        self._hearsay_turn = self._contact_turn(self._hearsay_turn, hearsay, _HEARSAY_CONTACTS_MAX)

    def _contact_turn(self, turn: list[One], missing: list[One], at_most: int) -> list[One]:
        """Contact the next of ``turn``; what is left of it."""
        least = -(-len(missing) // _TURNS) if self._s.live_count else len(missing)
        least = min(least, at_most)
        if len(turn) < least:
            turn = self._s.rng.sample(missing, len(missing))
        still = [one for one in turn if self._is_missing(one)]
        self._contact_all(still[:least])
        return still[least:]

    def _contact_all(self, missing: Sequence[str | _Target]) -> None:
        for one in missing:
            self._contact(one)

    def _contact(self, missing: str | _Target) -> None:
        """The accused speak for themselves when they hear what is said of them; targets are asked for their tables."""
        if isinstance(missing, str):
            self._s.send_accused(self._s.table[missing])
        else:
            self._s.effects.append(Resolve(missing.host, missing.port))

    def _pause_us(self) -> int:
        s = self._s
        if s.refused_by is not None:
            return s.params.name_grace_ms * MILLISECOND
        least_us = s.params.reconnect_interval_ms * MILLISECOND
        most_us = s.params.seed_interval_ms * MILLISECOND
        pause_us = min(max((s.now_us - self._changed_us) // _PATIENCE, least_us), most_us)
        return pause_us * max(1, s.live_count // _CONTACTS_BY)

    def _sync_pause_us(self) -> int:
        s = self._s
        stretch = max(1, (s.cluster_size // _SYNC_STRETCH_PAST).bit_length())
        pause_us = s.params.sync_interval_ms * MILLISECOND * stretch
        return pause_us - s.rng.randrange(pause_us // 2)
