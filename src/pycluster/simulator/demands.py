"""What clients of the state ask for, drawn from a seed."""

from __future__ import annotations

from random import Random

import msgspec

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.store import (
    Compare,
    DeleteRange,
    KeyValue,
    LeaseGrant,
    LeaseGrantResult,
    LeaseKeepAlive,
    LeaseKeepAliveResult,
    LeaseRevoke,
    Put,
    Range,
    RangeResult,
    Request,
    Result,
    Txn,
    TxnResult,
    Watch,
)

#: Each kind of demand and how often it comes, before a seed's own factor.
KINDS = {
    "put": 4,
    "get": 4,
    "swap": 5,
    "delete": 1,
    "list": 2,
    "clear": 1,
    "together": 1,
    "past": 1,
    "nearby": 1,
    "grant": 1,
    "lend": 2,
    "keep": 2,
    "revoke": 1,
}


class Habits(msgspec.Struct, frozen=True):
    """A seed's clients and watchers. ``pause_us``: between two operations of a client, on average.

    ``timeout_us``: what a node is given for one try. ``patience_us``: after that a client gives an operation up.
    ``stay_us``: for how long a watcher stays with one node, on average.
    """

    weights: dict[str, int]
    clients: int = 4
    watchers: int = 3
    keys: int = 3
    pause_us: int = 200 * MILLISECOND
    timeout_us: int = SECOND
    patience_us: int = 5 * SECOND
    stay_us: int = 5 * SECOND

    def __str__(self) -> str:
        kinds = " ".join(f"{kind}:{weight}" for kind, weight in self.weights.items())
        return f"{self.clients} clients and {self.watchers} watchers of {2 * self.keys} keys: {kinds}"


def habits(rng: Random) -> Habits:
    """Draw one seed's: some kinds do not come at all, others often (swarm testing, as for the faults)."""
    kinds = ["put", "get", *(kind for kind in KINDS if kind not in ("put", "get") and rng.random() < 0.7)]
    return Habits(
        {kind: KINDS[kind] * rng.choice((1, 1, 2, 4)) for kind in kinds},
        clients=rng.choice((1, 3, 5, 8)),
        watchers=rng.choice((0, 2, 4)),
        keys=rng.choice((1, 2, 4)),
        pause_us=rng.choice((20, 100, 300)) * MILLISECOND,
        timeout_us=rng.choice((300, 1_000, 3_000)) * MILLISECOND,
        patience_us=rng.choice((1, 5, 10)) * SECOND,
        stay_us=rng.choice((1, 5, 20)) * SECOND,
    )


class Demands:
    """One client's: it remembers what it saw, so that its swaps may win and its leases are its own."""

    def __init__(self, client: str, habits: Habits, rng: Random) -> None:
        self._client = client
        self._rng = rng
        self._kinds, self._weights = list(habits.weights), list(habits.weights.values())
        self._keys = [b"%s/%d" % (folder, number) for folder in (b"a", b"b") for number in range(habits.keys)]
        self._seen: dict[bytes, KeyValue] = {}
        self._leases: list[int] = []
        self._revision = 1
        self._written = 0

    def draw(self) -> Request:
        """The next one."""
        rng = self._rng
        key = rng.choice(self._keys)
        match rng.choices(self._kinds, self._weights)[0]:
            case "get":
                return Range(key)
            case "swap":
                return self._swap(key)
            case "delete":
                return DeleteRange(key, prev_kv=rng.random() < 0.5)
            case "list":
                start, end = self._folder()
                narrow = rng.choice(("", "", "limit", "keys", "count"))
                limit = 1 if narrow == "limit" else 0
                return Range(start, end, limit=limit, keys_only=narrow == "keys", count_only=narrow == "count")
            case "clear":
                return DeleteRange(*self._folder(), prev_kv=rng.random() < 0.5)
            case "together":
                other = rng.choice(self._keys)
                second = DeleteRange(other) if other == key or rng.random() < 0.3 else Put(other, self._value())
                first = Range(key) if other == key else Put(key, self._value(), prev_kv=True)
                return Txn((), (first, second, Range(*self._folder())))
            case "past" if self._revision > 1:
                return Range(*self._folder(), revision=rng.randint(2, self._revision))
            case "nearby":
                return Range(*self._folder(), serializable=True)
            case "grant":
                return LeaseGrant(rng.randint(2, 6), rng.choice((0, rng.randrange(1, 1 << 31))))
            case "lend" if self._leases:
                return Put(key, self._value(), lease=rng.choice(self._leases))
            case "keep" if self._leases:
                return LeaseKeepAlive(rng.choice(self._leases))
            case "revoke" if self._leases:
                return LeaseRevoke(self._leases.pop(rng.randrange(len(self._leases))))
            case _:
                return Put(key, self._value(), prev_kv=rng.random() < 0.3)

    def learn(self, request: Request, result: Result) -> None:
        """What the client makes of an answer."""
        self._revision = max(self._revision, result.revision)
        match result:
            case RangeResult(kvs=kvs) if isinstance(request, Range) and not request.keys_only and not request.revision:
                self._seen.update((kv.key, kv) for kv in kvs)
            case TxnResult(results=(RangeResult(kvs=kvs), *_)):
                self._seen.update((kv.key, kv) for kv in kvs)
            case LeaseGrantResult():
                self._leases = [*self._leases[-3:], result.id]
            case LeaseKeepAliveResult(ttl_s=0) if result.id in self._leases:
                self._leases.remove(result.id)
            case _:
                pass

    def _swap(self, key: bytes) -> Txn:
        """Compare with what was seen last, by one of its marks; who loses reads what there is."""
        seen = self._seen.get(key)
        if seen is None:
            compare = Compare(key, "create")
        else:
            compare = self._rng.choice(
                (
                    Compare(key, "mod", number=seen.mod_revision),
                    Compare(key, "version", number=seen.version),
                    Compare(key, "value", value=seen.value),
                )
            )
        return Txn((compare,), (Put(key, self._value()),), (Range(key),))

    def _folder(self) -> tuple[bytes, bytes]:
        return self._rng.choice(((b"a/", b"a0"), (b"b/", b"b0"), (b"a", b"c")))

    def _value(self) -> bytes:
        """One that nobody ever wrote before, so that a read says which write it saw."""
        self._written += 1
        return b"%s.%d" % (self._client.encode(), self._written)


def watch(rng: Random, keys: int) -> Watch:
    """What a watcher wants to be told."""
    key, end = rng.choice(((b"a/", b"a0"), (b"a", b"c"), (b"b/%d" % rng.randrange(keys), b"")))
    filtered = rng.choice(("", "", "put", "delete"))
    return Watch(key, end, no_put=filtered == "put", no_delete=filtered == "delete", prev_kv=rng.random() < 0.5)
