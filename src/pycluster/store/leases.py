"""Leases as all replicas agree on them: granted time and attached keys. When they end is the leader's affair."""

from __future__ import annotations

from pycluster.store.params import Params
from pycluster.store.refusals import Refusal


class Leases:
    """By ID, each 1 to 2^63 - 1."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._ttls: dict[int, int] = {}
        self._keys: dict[int, set[bytes]] = {}

    def __contains__(self, lease: int) -> bool:
        return lease in self._ttls

    def __len__(self) -> int:
        return len(self._ttls)

    def ids(self) -> tuple[int, ...]:
        """Every lease, ascending."""
        return tuple(sorted(self._ttls))

    def granted_ttl_s(self, lease: int) -> int:
        """What it was granted for; 0 for one that is not there."""
        return self._ttls.get(lease, 0)

    def keys(self, lease: int) -> tuple[bytes, ...]:
        """What is attached to it, ascending."""
        return tuple(sorted(self._keys.get(lease, ())))

    def grant(self, lease: int, ttl_s: int) -> int:
        """Returns the granted time. Raises ``Refusal`` with nothing changed."""
        if not lease:
            raise Refusal("bad-request", "a lease needs an ID by the time it is granted")
        if lease in self._ttls:
            raise Refusal("lease-exists", f"lease {lease:016x} is there already")
        if len(self._ttls) >= self._params.leases_max:
            raise Refusal("too-many-leases", f"there are {len(self._ttls)} leases")
        granted = self._ttls[lease] = max(ttl_s, self._params.lease_ttl_min_s)
        return granted

    def end(self, lease: int) -> None:
        """It is there and its keys are gone."""
        del self._ttls[lease]
        self._keys.pop(lease, None)

    def restore(self, lease: int, ttl_s: int) -> None:
        """One from a snapshot."""
        self._ttls[lease] = ttl_s

    def consistent(self) -> bool:
        """Whether keys are attached to leases that are there, and to no others."""
        return self._keys.keys() <= self._ttls.keys()

    def move(self, key: bytes, old: int, new: int) -> None:
        """``key`` was attached to ``old`` (0: to none) and is to ``new``."""
        if old == new:
            return
        if old:
            attached = self._keys[old]
            attached.remove(key)
            if not attached:
                del self._keys[old]
        if new:
            self._keys.setdefault(new, set()).add(key)
