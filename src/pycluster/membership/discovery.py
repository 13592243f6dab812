"""Finding others: configured nodes for ever, the down now and then, and the comparison of whole tables (anti-entropy).

Published bound: two halves of a healed network know each other after one ``reconnect_interval`` (jittered by half) and
three one-way delays, where either half holds the other down; configured nodes never heard of, after ``seed_interval``.
"""

from __future__ import annotations

import msgspec

from pycluster.kernel.ids import Address, Seed
from pycluster.kernel.units import MILLISECOND, MINUTE
from pycluster.membership.effects import Resolve
from pycluster.membership.messages import Alive, Digest, Push
from pycluster.membership.state import Purpose, State

_OLD_DEATH_US = 10 * MINUTE
_OLD_DEATH_FACTOR = 8
_SYNC_STRETCH_PAST = 32


class _Target(msgspec.Struct):
    """A configured or joined host: by ``name`` where the configuration gives one."""

    name: str
    host: str
    port: int
    due_us: int = 0
    pause_us: int = 0


class Discovery:
    """Whom to contact, and when."""

    def __init__(self, state: State, seeds: tuple[Seed, ...]) -> None:
        self._s = state
        self._targets: list[_Target] = []
        self._sync_us: int | None = None
        self._reconnect_us: int | None = None
        self._syncing: dict[Address, int] = {}
        self.set_seeds(seeds)

    def set_seeds(self, seeds: tuple[Seed, ...]) -> None:
        """The configured nodes, this one not among them."""
        joined = [target for target in self._targets if not target.name]
        pause_us = self._s.params.seed_interval_min_ms * MILLISECOND
        self._targets = [
            _Target(seed.name, seed.host, seed.port, self._s.now_us, pause_us)
            for seed in seeds
            if seed.name != self._s.local.name
        ] + joined

    def begin(self) -> None:
        """Contact everyone at once."""
        s = self._s
        for target in self._targets:
            target.due_us = s.now_us
        self._sync_us = s.now_us + self._sync_pause_us()
        self._reconnect_us = s.now_us

    def end(self) -> None:
        """Contact nobody any more."""
        self._targets.clear()
        self._sync_us = self._reconnect_us = None

    def join(self, seeds: tuple[tuple[str, int], ...]) -> None:
        """More hosts, tried now and then kept as targets."""
        s = self._s
        known = {(target.host, target.port) for target in self._targets}
        for host, port in seeds[: s.params.pending_max]:
            if (host, port) in known:
                for target in self._targets:
                    if (target.host, target.port) == (host, port):
                        target.due_us = s.now_us
            elif len(self._targets) < s.params.pending_max:
                pause_us = s.params.seed_interval_min_ms * MILLISECOND
                self._targets.append(_Target("", host, port, s.now_us, pause_us))

    def next_deadline(self) -> int | None:
        """The next contact or comparison."""
        due = [target.due_us for target in self._targets]
        due += [at_us for at_us in (self._sync_us, self._reconnect_us) if at_us is not None]
        return min(due, default=None)

    def tick(self) -> None:
        """Everything due."""
        s = self._s
        for target in self._targets:
            if s.now_us >= target.due_us:
                self._contact(target)
        if self._reconnect_us is not None and s.now_us >= self._reconnect_us:
            self._reconnect()
        if self._sync_us is not None and s.now_us >= self._sync_us:
            self._sync_us = s.now_us + self._sync_pause_us()
            able = s.others("alive")
            if able and s.refused_by is None:
                self.sync(s.rng.choice(able).address)

    def on_resolved(self, addresses: tuple[Address, ...]) -> None:
        """Compare tables with whoever is there."""
        for address in addresses[:4]:
            if address != self._s.local.address:
                self.sync(address, join=True)

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
        s.call(to, Push(self._me(), s.table.records()), Purpose("push", to=to))

    def _me(self) -> Alive:
        return self._s.local.alive_message()

    def _contact(self, target: _Target) -> None:
        s = self._s
        slow_us = s.params.seed_interval_ms * MILLISECOND
        member = s.table.get(target.name) if target.name else None
        # A configured node that is alive needs no contact: probes reach it. What was joined by hand stays as an anchor.
        known = member is not None and member.state in ("alive", "suspect")
        if not known:
            s.effects.append(Resolve(target.host, target.port))
        pause_us = slow_us if known or s.refused_by is not None else target.pause_us
        if not target.name and s.live_count:
            pause_us = slow_us
        target.pause_us = min(max(target.pause_us, 1) * 2, slow_us)
        if known:
            target.pause_us = s.params.seed_interval_min_ms * MILLISECOND
        target.due_us = s.now_us + pause_us - s.rng.randrange(pause_us // 4 + 1)

    def _reconnect(self) -> None:
        """Try one of the down: only its own word revives it, and it speaks when it hears what is said of it."""
        s = self._s
        pause_us = s.params.reconnect_interval_ms * MILLISECOND
        down = s.others("down")
        if down and s.refused_by is None:
            recent = [member for member in down if s.now_us - member.state_since_us < _OLD_DEATH_US]
            if not recent:
                pause_us *= _OLD_DEATH_FACTOR
            member = s.rng.choice(recent or down)
            s.send_accused(member)
        self._reconnect_us = s.now_us + pause_us - s.rng.randrange(pause_us // 2 + 1)

    def _sync_pause_us(self) -> int:
        s = self._s
        stretch = max(1, (s.cluster_size // _SYNC_STRETCH_PAST).bit_length())
        pause_us = s.params.sync_interval_ms * MILLISECOND * stretch
        return pause_us - s.rng.randrange(pause_us // 2)
