"""The controller that forgets old versions: by age, and by count where the bound was lowered. Runs on the leader."""

from __future__ import annotations

from pycluster import store
from pycluster.configs.names import ENTRIES, HISTORY
from pycluster.configs.params import Params
from pycluster.controllers import Interest, Kind, Plan, View, Write

_DAY_MS = 86_400_000
#: Records forgotten in one transaction: a condition for each, and the state takes 128.
_TOGETHER = 100
#: Time runs on while nothing changes: with more than this to wait, look again then.
_LOOK_MS = _DAY_MS
#: Characters of a time, and of a version with its time, as ``names.history_key`` writes them.
_DIGITS = 15
_REST = 10 + 1 + _DIGITS


class Keeping:
    """See ``docs/protocol/configs.md``."""

    name = "config-history"
    kind: Kind = "leader"
    interests = (
        Interest(HISTORY, HISTORY[:-1] + b"0", values=False),
        Interest(ENTRIES, ENTRIES[:-1] + b"0", values=False),
    )
    wants_members = False
    gap_ms = 60_000

    def __init__(self, params: Params) -> None:
        self._params = params

    def plan(self, view: View, now_ms: int) -> Plan:
        """Forget what is too old or too much; look again when the next one will be."""
        # Keys are compared as they are written: there may be a hundred thousand, and the event loop waits.
        age_ms = self._params.history_days * _DAY_MS
        cutoff = b"%015d" % max(now_ms - age_ms, 0) if age_ms else b""
        counts: dict[bytes, int] = {}
        newest: dict[bytes, bytes] = {}
        old: set[bytes] = set()
        nearest = b""
        for key in view.keys:
            if key.startswith(ENTRIES):
                continue
            stem, _, rest = key.rpartition(b"#")
            if len(rest) != _REST:
                raise ValueError(f"{key!r} is no version")
            counts[stem] = counts.get(stem, 0) + 1
            newest[stem] = max(newest.get(stem, b""), key)
            superseded = rest[-_DIGITS:]
            if superseded <= cutoff:
                old.add(key)
            elif not nearest or superseded < nearest:
                nearest = superseded
        # Of an entry that is gone the newest one says from where versions count on: none is used twice.
        old -= {key for stem, key in newest.items() if ENTRIES + stem.removeprefix(HISTORY) not in view.keys}
        # One more than the bound: the newest of an entry that is gone says that it is.
        most = self._params.history_versions + 1
        found: dict[bytes, list[bytes]] = {stem: [] for stem, count in counts.items() if count > most}
        for key in view.keys if found else ():
            stem = key.rpartition(b"#")[0]
            if stem in found:
                found[stem].append(key)
        for versions in found.values():
            old.update(sorted(versions, reverse=True)[most:])
        gone = [view.keys[key] for key in sorted(old)]
        steps = tuple(_forget(gone[place : place + _TOGETHER]) for place in range(0, len(gone), _TOGETHER))
        again_ms = min(int(nearest) + age_ms, now_ms + _LOOK_MS) if age_ms and nearest else None
        return Plan(steps, again_ms)


def _forget(kvs: list[store.KeyValue]) -> Write:
    return Write(
        f"forget {len(kvs)} old versions",
        tuple(store.Compare(kv.key, "mod", "equal", kv.mod_revision) for kv in kvs),
        tuple(store.DeleteRange(kv.key) for kv in kvs),
    )
