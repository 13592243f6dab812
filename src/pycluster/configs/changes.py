"""One change decided: from what is there and what is wanted to what is to be judged and written. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from pycluster import store
from pycluster.configs.model import Action, ChangedView, Entry, Wanted, entry_of, packed
from pycluster.configs.names import ENTRIES, Name, history_key, history_of, of_key, parse
from pycluster.configs.params import Params
from pycluster.judging import Case
from pycluster.kernel.errors import LocalMisuse, Refused

#: Conditions, and operations, that the state takes in one transaction.
TOGETHER_MAX = 128
_ROLLING = b'"rolling":'
#: How ``model.packed`` ends where nothing is rolled out.
_STILL = _ROLLING + b"0}"


class VersionDiffers(Refused):
    """The entry does not have the version that was asked for."""


class RollingOut(Refused):
    """An entry is rolled out: until that is over neither it nor what it is judged with is changed."""


class Held(msgspec.Struct, frozen=True):
    """A change of one entry kept back: what else is written with it, none of which may exist yet."""

    writes: tuple[store.Put, ...]


class Seen(msgspec.Struct, frozen=True):
    """What the state holds of everything that a change depends on, by name; None where there is none.

    ``read``: the intervals that were looked at, with the revision of each look, for the condition that nothing in them
    has changed. ``last``: of names without an entry, the newest version in their history.
    """

    entries: Mapping[str, store.KeyValue | None]
    read: tuple[tuple[bytes, bytes, int], ...]
    last: Mapping[str, int]


class Target(msgspec.Struct, frozen=True):
    """One wanted entry with its name, and what it would become: None for nothing, or for what stays as it is."""

    name: Name
    wanted: Wanted
    before: Entry | None
    entry: Entry | None
    action: Action


def dependencies(names: tuple[Name, ...]) -> tuple[tuple[bytes, bytes], ...]:
    """The intervals of keys that a change of ``names`` has to look at, none twice."""
    found: dict[tuple[bytes, bytes], None] = {}
    for name in names:
        found[(name.key, b"")] = None
        if name.schema:
            # Everything below the prefix: more than it is for, where the prefix is a name and not a folder.
            stem = name.key.removesuffix(b"@schema")
            found[(stem, stem[:-1] + bytes((stem[-1] + 1,)))] = None
            continue
        found[(name.base.key, b"")] = None
        if name.scope is None:
            found[name.overrides] = None
        # The last one is its own, which stands among its overrides.
        for schema in name.schemas if name.scope is not None else name.schemas[:-1]:
            found[(schema.key, b"")] = None
    return tuple(found)


def conditions(names: tuple[Name, ...]) -> int:
    """How many a change of ``names`` takes at most: of what it looks at, and of the history of each that is new."""
    return len(dependencies(names)) + len(names)


def targets(
    wanted: tuple[Wanted, ...], seen: Seen, author: str, reason: str, now_ms: int, params: Params
) -> tuple[Target, ...]:
    """What each wanted entry would become; raises ``LocalMisuse`` or ``VersionDiffers`` and decides nothing else."""
    found = []
    _stand_still(seen)
    for one in wanted:
        name, kv = parse(one.name), seen.entries.get(one.name)
        before = None if kv is None else entry_of(kv)
        if not _as_asked(one, before, seen.last.get(one.name, 0)):
            why = f"its version is {before.version}" if before is not None else "there is no such entry"
            raise VersionDiffers(f"{one.name} does not have version {one.if_version}", why=why, remedy="read it again")
        entry = None
        if one.content is None:
            action: Action = "deleted" if before is not None else "unchanged"
        else:
            format = one.format or (before.format if before is not None else name.format)
            if name.schema and format == "text":
                raise LocalMisuse(f"{one.name} cannot be text", remedy="a schema is JSON, YAML or TOML")
            size = len(one.content.encode())
            if size > params.content_max_bytes:
                why = f"it has {size} bytes, and {params.content_max_bytes} are possible"
                raise LocalMisuse(f"{one.name} is too large", why=why, remedy="put less into one entry")
            action = "created" if before is None else "changed"
            if before is not None and (before.format, before.content) == (format, one.content):
                action = "unchanged"
            else:
                version = (before.version if before is not None else seen.last.get(one.name, 0)) + 1
                entry = Entry(version, format, author, reason, now_ms, one.content)
        found.append(Target(name, one, before, entry, action))
    return tuple(found)


def _stand_still(seen: Seen) -> None:
    """Raise ``RollingOut`` where anything that the change is judged with is rolled out."""
    for text, kv in seen.entries.items():
        # A schema may be for thousands of entries, and this is the event loop: only those that may be are read.
        if kv is None or kv.value.endswith(_STILL) or _ROLLING not in kv.value:
            continue
        version = entry_of(kv).rolling
        if version:
            why = f"version {version} of {text} is rolled out"
            remedy = f"wait for it, or: pycluster config rollout abort {text}"
            raise RollingOut("the configuration stands still here for now", why=why, remedy=remedy)


def _as_asked(one: Wanted, before: Entry | None, last: int) -> bool:
    """Whether the condition holds, or did before this very change: a retry of one that was made finds it made.

    ``last``: the newest version in the history of what is gone, which is its deletion.
    """
    version = before.version if before is not None else 0
    made = one.content == (before.content if before is not None else None)
    made = made and (before is None or one.format in (None, before.format))
    made = made and one.if_version == (version or last) - 1
    return one.if_version is None or one.if_version == version or made


def in_force(found: tuple[Target, ...], seen: Seen) -> dict[str, Entry]:
    """The entries that were looked at as they will be after the change, by name."""
    now: dict[str, Entry] = {text: entry_of(kv) for text, kv in seen.entries.items() if kv is not None}
    for target in found:
        if target.entry is not None:
            now[target.name.text] = target.entry
        elif target.action == "deleted":
            now.pop(target.name.text, None)
    return now


def cases(found: tuple[Target, ...], seen: Seen) -> tuple[Case, ...]:
    """What has to be judged: what is new, alone or on what it lies on, and what lies on it or has to fit it."""
    now = in_force(found, seen)
    # A schema may be for all there is: nothing is read twice, and of the schemas only those that there are.
    names = {text: parse(text) for text in now}
    schemas = sorted((name for name in names.values() if name.schema), key=lambda name: (len(name.path), name.text))
    touched: dict[str, None] = {}
    for target in found:
        if target.action == "unchanged":
            continue
        touched[target.name.text] = None
        for text, other in names.items():
            lies_on_it = other.scope is not None and target.name == other.base
            if lies_on_it or (target.name.schema and target.entry is not None and target.name.is_for(other)):
                touched[text] = None
    return tuple(_case(names[text], now, schemas) for text in touched if text in now)


def _case(name: Name, now: Mapping[str, Entry], known: Sequence[Name]) -> Case:
    entry, base = now[name.text], now.get(name.base.text)
    layers: tuple[str, ...] = (entry.content,)
    if name.scope is not None and base is not None:
        if base.format != entry.format:
            why = f"{name.text} is {entry.format}, {name.path} is {base.format}"
            raise LocalMisuse("an override has the format of what it overrides", why=why, remedy="say -format")
        layers = (base.content, *layers)
    schemas = tuple((one.text, now[one.text].format, now[one.text].content) for one in known if one.is_for(name))
    return Case(name.text, entry.format, layers, schemas, name.schema)


def transaction(
    found: tuple[Target, ...], seen: Seen, now_ms: int, author: str, reason: str, params: Params
) -> store.Txn | None:
    """What writes it, on the condition that nothing it depends on has changed; None where nothing is to be written."""
    changed = [target for target in found if target.action != "unchanged"]
    if not changed:
        return None
    compare = tuple(_unchanged(seen, *look) for look in seen.read)
    writes = tuple(write for target in changed for write in _writes(target, seen, now_ms, author, reason, params))
    if max(len(compare), len(writes)) > TOGETHER_MAX:
        why = f"it takes {len(compare)} conditions and {len(writes)} operations, of {TOGETHER_MAX} possible"
        raise LocalMisuse("that is too much for one step", why=why, remedy="change fewer entries at once")
    return store.Txn(compare, writes)


def held(target: Target, seen: Seen, hold: Held) -> store.Txn | None:
    """What keeps ``target`` back: the entry stays as it is and says what is rolled out; None where nothing changes."""
    if target.entry is None or target.before is None:
        return None
    marked = msgspec.structs.replace(target.before, rolling=target.entry.version)
    absent = tuple(store.Compare(put.key, "version", "equal", 0) for put in hold.writes)
    compare = (*(_unchanged(seen, *look) for look in seen.read), *absent)
    return store.Txn(compare, (store.Put(target.name.key, packed(marked)), *hold.writes))


def _unchanged(seen: Seen, key: bytes, range_end: bytes, revision: int) -> store.Compare:
    """That nothing was written there since ``revision``, and a single key not deleted either.

    A key that is gone has revision 0, below any. Within an interval that does no harm: what is gone was judged for
    nothing.
    """
    kv = None if range_end or not key.startswith(ENTRIES) else seen.entries.get(of_key(key))
    if kv is not None:
        return store.Compare(key, "mod", "equal", kv.mod_revision)
    return store.Compare(key, "mod", "less", revision + 1, range_end=range_end)


def _writes(
    target: Target, seen: Seen, now_ms: int, author: str, reason: str, params: Params
) -> Iterator[store.Put | store.DeleteRange]:
    name, before = target.name, target.before
    if target.entry is not None:
        yield store.Put(name.key, packed(target.entry))
    else:
        assert before is not None
        yield store.DeleteRange(name.key)
        gone = Entry(before.version + 1, before.format, author, reason, now_ms, deleted=True)
        yield store.Put(history_key(name.text, gone.version, now_ms), packed(gone))
    if before is None:
        return
    if params.history_versions:
        kv = seen.entries[name.text]
        assert kv is not None
        yield store.Put(history_key(name.text, before.version, now_ms), kv.value)
    oldest = before.version - params.history_versions
    if oldest > 0:
        yield store.DeleteRange(*history_of(name.text, 0, oldest))


def told(found: tuple[Target, ...]) -> tuple[ChangedView, ...]:
    """What becomes of each."""
    views = []
    for target in found:
        before = target.before.version if target.before is not None else 0
        version = target.entry.version if target.entry is not None else before + (target.action == "deleted")
        views.append(ChangedView(target.name.text, target.action, version, before))
    return tuple(views)


def told_at(names: Sequence[Name], before: Mapping[str, Entry], after: Mapping[str, Entry]) -> tuple[ChangedView, ...]:
    """What became of each, by the entries before a revision and at it."""
    views = []
    for name in names:
        old, new = before.get(name.text), after.get(name.text)
        version = old.version if old is not None else 0
        if new == old:
            views.append(ChangedView(name.text, "unchanged", version, version))
        elif new is None:
            views.append(ChangedView(name.text, "deleted", version + 1, version))
        else:
            action: Action = "created" if old is None else "changed"
            views.append(ChangedView(name.text, action, new.rolling or new.version, version))
    return tuple(views)


def reused() -> LocalMisuse:
    """What is raised where a caller gives one ID to two changes."""
    return LocalMisuse("its request ID was given to another change before", remedy="give each change its own")


def as_wanted(wanted: Sequence[Wanted], then: Mapping[str, Entry]) -> bool:
    """Whether entries, as they were ``then``, have the content that was asked for, and the format if one was."""
    for one in wanted:
        entry = then.get(one.name)
        if (None if entry is None else entry.content) != one.content:
            return False
        if entry is not None and one.format not in (None, entry.format):
            return False
    return True


def id_of_try(request_id: bytes, tried: int) -> bytes:
    """The ID of one try of a caller's request; empty where the caller gave none.

    Another transaction under it is answered with the first one's answer: when a caller asks again, time and versions
    are others. A hash, as the caller's ID may be as long as IDs are, and all of it counts.
    """
    return store.VOUCHED + hashlib.blake2b(b"%d:" % tried + request_id, digest_size=32).digest() if request_id else b""


def named(kvs: tuple[store.KeyValue, ...]) -> dict[str, store.KeyValue | None]:
    """Entries that were read, by name."""
    return {of_key(kv.key): kv for kv in kvs}
