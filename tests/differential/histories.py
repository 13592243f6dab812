"""Histories of operations, drawn from a seed, as bodies of HTTP requests in all spellings that etcd takes."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

#: What is written after a history's end, so that who watches knows that nothing more comes.
LAST_KEY, LAST_WATCH = b"\xff\xff\xff", 99
_KEYS = (b"a", b"b", b"ab", b"abc", b"c", b"\0", b"\xff\xff", b"key/1")
_ENDS = (b"", b"", b"\0", b"b", b"ac", b"b\0", b"\xff", b"key0", b"a")
_VALUES = (b"", b"x", b"y", b"\xff\0\n", b"longer than the others")
_LEASES = (1, 2, 3, 2**62)


class Asked(msgspec.Struct, frozen=True):
    """One operation: a request with one answer, or a watch of what has been."""

    path: str
    body: bytes


class History:
    """Draws one operation after the other; ``base`` is the revision at its beginning, so that its own look alike
    wherever it begins."""

    def __init__(self, seed: int, base: int) -> None:
        self._rng = Random(seed)
        self._base = self._compacted = base

    def operation(self, now: int, compacted: int) -> Asked:
        """The next one; ``now`` is the newest revision, ``compacted`` the one before which all is forgotten."""
        self._compacted = compacted
        draw: dict[str, tuple[int, Any]] = {
            "kv/put": (24, self._put),
            "kv/range": (22, self._range),
            "kv/deleterange": (8, self._delete),
            "kv/txn": (24, self._survived),
            "kv/compaction": (3, self._compaction),
            "lease/grant": (5, self._grant),
            "lease/revoke": (3, self._lease),
            "lease/timetolive": (4, self._time_to_live),
            "lease/leases": (1, lambda now: {}),
            "lease/keepalive": (2, self._lease),
            "watch": (2, self._watch),
        }
        (path,) = self._rng.choices(list(draw), [weight for weight, _ in draw.values()])
        body = json.dumps(draw[path][1](now)).encode()
        return Asked(f"/v3/{path}", body)

    def live_watch(self) -> bytes:
        """What is watched from the beginning to the end, and with it a key that tells the end."""
        last = {"key": _base64(LAST_KEY), "watch_id": LAST_WATCH}
        return "".join(json.dumps({"create_request": one}) for one in (self._watched(), last)).encode()

    # --- pieces ---

    def _chance(self, percent: int) -> bool:
        return self._rng.randrange(100) < percent

    def _number(self, number: int) -> int | str:
        return number if self._chance(50) else str(number)

    def _name(self, name: str) -> str:
        first, *others = name.split("_")
        return name if self._chance(50) else first + "".join(other.capitalize() for other in others)

    def _word(self, *words: str) -> int | str:
        place = self._rng.randrange(len(words))
        return words[place] if self._chance(70) else place

    def _revision(self, now: int) -> int:
        """Mostly one that is there."""
        return max(self._base, now - self._rng.randrange(12)) + (3 if self._chance(3) else 0)

    def _key(self) -> str:
        return "" if self._chance(1) else _base64(self._rng.choice(_KEYS))

    def _interval(self) -> dict[str, object]:
        interval: dict[str, object] = {"key": self._key()}
        end = self._rng.choice(_ENDS)
        if end:
            interval[self._name("range_end")] = _base64(end)
        return interval

    def _sometimes(self, **fields: tuple[int, object]) -> Iterator[tuple[str, object]]:
        for name, (percent, value) in fields.items():
            if self._chance(percent):
                yield self._name(name), value

    # --- operations ---

    def _put(self, now: int) -> dict[str, object]:
        put: dict[str, object] = {"key": self._key()}
        if self._chance(90):
            put["value"] = _base64(self._rng.choice(_VALUES))
        if self._chance(25):
            put["lease"] = self._number(self._rng.choice(_LEASES))
        put.update(self._sometimes(prev_kv=(30, True), ignore_value=(4, True), ignore_lease=(4, True)))
        if any(name.startswith("ignore") for name in put) and self._chance(70):
            put.pop("value", None)
            put.pop("lease", None)
        return put

    def _range(self, now: int) -> dict[str, object]:
        asked = self._interval()
        asked.update(
            self._sometimes(
                limit=(30, self._number(self._rng.randrange(-1, 4))),
                revision=(25, self._number(self._revision(now))),
                sort_order=(40, self._word("NONE", "ASCEND", "DESCEND")),
                sort_target=(40, self._word("KEY", "VERSION", "CREATE", "MOD", "VALUE")),
                serializable=(20, True),
                keys_only=(10, True),
                count_only=(10, True),
                min_mod_revision=(8, self._number(self._revision(now))),
                max_mod_revision=(8, self._number(self._revision(now))),
                min_create_revision=(8, self._number(self._revision(now))),
                max_create_revision=(8, self._number(self._revision(now))),
            )
        )
        return asked

    def _delete(self, now: int) -> dict[str, object]:
        return self._interval() | dict(self._sometimes(prev_kv=(40, True)))

    def _compare(self, now: int) -> dict[str, object]:
        target = self._rng.choice(("VERSION", "CREATE", "MOD", "VALUE", "LEASE"))
        member, value = {
            "VERSION": ("version", self._number(self._rng.randrange(3))),
            "CREATE": ("create_revision", self._number(self._rng.choice((0, self._revision(now))))),
            "MOD": ("mod_revision", self._number(self._rng.choice((0, self._revision(now))))),
            "VALUE": ("value", _base64(self._rng.choice(_VALUES))),
            "LEASE": ("lease", self._number(self._rng.choice((0, *_LEASES)))),
        }[target]
        compare: dict[str, object] = {
            "key": self._key(),
            "target": target,
            "result": self._word("EQUAL", "GREATER", "LESS", "NOT_EQUAL"),
        }
        if self._chance(90):
            compare[self._name(member)] = value
        if self._chance(20):
            compare[self._name("range_end")] = _base64(self._rng.choice(_ENDS[2:]))
        return compare

    def _survived(self, now: int) -> dict[str, object]:
        """A transaction that does not end etcd: a put that keeps what its own transaction deletes is a panic there."""
        while True:
            txn = self._txn(now)
            text = json.dumps(txn)
            if "gnore" not in text or "elete" not in text:
                return txn

    def _txn(self, now: int, depth: int = 0) -> dict[str, object]:
        txn: dict[str, object] = {}
        if self._chance(70):
            txn["compare"] = [self._compare(now) for _ in range(self._rng.randrange(3))]
        for branch in ("success", "failure"):
            if self._chance(85):
                txn[branch] = [self._request(now, depth) for _ in range(self._rng.randrange(4))]
        return txn

    def _request(self, now: int, depth: int) -> dict[str, object]:
        kinds = {"request_range": self._range, "request_put": self._put, "request_delete_range": self._delete}
        if depth < 2 and self._chance(20):
            return {self._name("request_txn"): self._txn(now, depth + 1)}
        (kind,) = self._rng.choices(list(kinds), (3, 5, 2))
        return {self._name(kind): kinds[kind](now)}

    def _compaction(self, now: int) -> dict[str, object]:
        revision = self._rng.choice((self._revision(now), max(self._base, now - 30)))
        return {"revision": self._number(revision), "physical": True}

    def _grant(self, now: int) -> dict[str, object]:
        return {
            "TTL": self._number(self._rng.choice((5_000, 5_000, 70_000, 9_000_000_001))),
            "ID": self._number(self._rng.choice(_LEASES)),
        }

    def _lease(self, now: int) -> dict[str, object]:
        return {"ID": self._number(self._rng.choice(_LEASES))}

    def _time_to_live(self, now: int) -> dict[str, object]:
        return self._lease(now) | dict(self._sometimes(keys=(70, True)))

    def _watch(self, now: int) -> dict[str, object]:
        # Of what the compacted revision itself deleted etcd tells only while it has not tidied up.
        start = max(self._base + 1, now - self._rng.randrange(40))
        number = self._number(start + (start == self._compacted))
        return {self._name("create_request"): {self._name("start_revision"): number, **self._watched()}}

    def _watched(self) -> dict[str, object]:
        everything: dict[str, object] = {"key": "AA==", "range_end": "AA=="}
        watch = self._interval() if self._chance(70) else everything
        watch.update(self._sometimes(prev_kv=(50, True), fragment=(20, True), watch_id=(20, self._number(7))))
        if self._chance(30):
            watch["filters"] = [self._word("NOPUT", "NODELETE")]
        return watch


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
