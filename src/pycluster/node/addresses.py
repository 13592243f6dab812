"""Where a node of a name is reached: as membership says, or before it is a member, as DNS says of its seed."""

from __future__ import annotations

from collections.abc import Iterable

from pycluster.kernel.ids import Address, Seed
from pycluster.membership import Swim
from pycluster.node.config import with_kept


class AddressBook:
    """Names to addresses. Membership's word comes first, for it moves with the node."""

    def __init__(self, swim: Swim, seeds: tuple[Seed, ...], kept: tuple[Seed, ...] = ()) -> None:
        self._swim = swim
        self._kept = kept
        self._resolved: dict[tuple[str, int], Address] = {}
        self._seeds: dict[str, Seed] = {}
        self.reseed(seeds)

    def reseed(self, seeds: tuple[Seed, ...]) -> None:
        """The configured nodes changed; what was resolved for others is forgotten."""
        self.contacts = with_kept(seeds, self._kept)
        self.listed = frozenset(seed.name for seed in seeds)
        self._seeds = {seed.name: seed for seed in self.contacts}
        hosts = {(seed.host, seed.port) for seed in self.contacts}
        self._resolved = {host: address for host, address in self._resolved.items() if host in hosts}

    def resolved(self, host: str, port: int, addresses: tuple[Address, ...]) -> None:
        """DNS answered; a lookup that failed leaves what was known."""
        if addresses and any((seed.host, seed.port) == (host, port) for seed in self._seeds.values()):
            self._resolved[host, port] = addresses[0]

    def of(self, name: str) -> Address | None:
        """Where ``name`` is reached, if anyone knows."""
        member = self._swim.members.get(name)
        if member is not None and member.state != "left":
            return member.address
        return self._configured(name)

    def hosts(self, names: Iterable[str]) -> tuple[str, ...]:
        """The hosts of those by both words, for one of them may be forged, and of every configured node; in order."""
        known = [self.of(name) for name in names] + [self._configured(name) for name in self._seeds]
        return tuple(sorted({address.host for address in known if address is not None}))

    def _configured(self, name: str) -> Address | None:
        seed = self._seeds.get(name)
        return self._resolved.get((seed.host, seed.port)) if seed is not None else None
