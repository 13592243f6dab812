"""Entries of the configuration, above the port of the replicated state: read, changed, merged for a node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import cast

import msgspec

from pycluster import store
from pycluster.configs import changes, drafts, stacks
from pycluster.configs.merging import counts, ordered
from pycluster.configs.model import (
    ChangedView,
    ChangeRequest,
    ChangesView,
    DraftRequest,
    DraftView,
    EffectivesView,
    EffectiveView,
    EntriesView,
    Entry,
    EntryView,
    HistoryView,
    LayerView,
    RollbackRequest,
    Wanted,
    entry_of,
)
from pycluster.configs.names import ENTRIES, Name, history_of, of_history, of_key, parse
from pycluster.configs.params import Params
from pycluster.judging import Case, Verdict
from pycluster.kernel.errors import LocalMisuse, Refused
from pycluster.node.ports import StateFailed, StateStore
from pycluster.node.view import MemberView

#: Judges cases; raises ``LocalFault`` where that cannot be done.
Judge = Callable[[tuple[Case, ...]], Awaitable[tuple[Verdict, ...]]]

#: What else is written where a change is kept back; raises where it cannot be.
Hold = Callable[[changes.Target], changes.Held]

_TRIES = 5
_PAGE = 500
#: Bytes of entries from which one answer says what a node gets.
_GIVEN_MAX = 8 * 1024 * 1024


_ASK_FOR_LESS = "ask for an entry by its name, or for those that begin with a longer prefix"


class NoEntry(Refused):
    """There is no such entry, or version, or node."""


class Unfit(Refused):
    """Contents that are not what their formats or schemas say; ``problems`` has a line for each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("the configuration is not accepted", why="\n".join(problems), remedy="nothing was changed")


class Contended(Refused):
    """Others changed the same entries again and again."""


class Configs:
    """One agent's door to the entries. ``wall_ms`` is the Unix time in ms, ``members`` are those that this node knows,
    ``judge_reads`` merges what is only read (None: ``judge`` does).

    Every method raises ``StateFailed``, too.
    """

    def __init__(
        self,
        state: StateStore,
        judge: Judge,
        wall_ms: Callable[[], int],
        params: Params | None = None,
        members: Callable[[], tuple[MemberView, ...]] = tuple,
        judge_reads: Judge | None = None,
    ) -> None:
        self._state = state
        self._judge = judge
        self._judge_reads = judge_reads or judge
        self._wall_ms = wall_ms
        self._params = params or Params()
        self._members = members

    # --- reading --------------------------------------------------------------------------------------------------

    async def list(
        self, prefix: str = "", after: str = "", limit: int = _PAGE, *, timeout_s: float = 5.0
    ) -> EntriesView:
        """Entries whose names begin with ``prefix`` and come after ``after``, without their contents."""
        key, range_end = _interval(prefix)
        if after:
            key = max(key, ENTRIES + after.encode() + b"\0")
        found = await self._piece(store.Range(key, range_end, min(limit, _PAGE)), timeout_s)
        entries = tuple(EntryView.of(of_key(kv.key), entry_of(kv)) for kv in found.kvs)
        return EntriesView(found.revision, entries, found.more)

    async def get(self, text: str, version: int = 0, *, timeout_s: float = 5.0) -> EntryView:
        """One version with its content, 0: the current one. Raises ``NoEntry``."""
        name = parse(text)
        found = await self._range(store.Range(name.key), timeout_s)
        entry = entry_of(found.kvs[0]) if found.kvs else None
        if entry is not None and version in (0, entry.version):
            return EntryView.of(text, entry, content=True)
        if not version:
            raise NoEntry(f"there is no entry {text}", remedy="pycluster config list shows those there are")
        kept = await self._range(store.Range(*history_of(text, version, version)), timeout_s)
        if not kept.kvs:
            why = f"it is at version {entry.version}" if entry is not None else "there is no such entry now"
            raise NoEntry(f"version {version} of {text} is not kept", why=why)
        return EntryView.of(text, entry_of(kept.kvs[0]), current=False, content=True)

    async def history(self, text: str, *, timeout_s: float = 5.0) -> HistoryView:
        """Every version that is kept, the newest first, without contents. Raises ``NoEntry``."""
        name, versions = parse(text), []
        found = await self._range(store.Range(name.key), timeout_s)
        versions += [EntryView.of(text, entry_of(kv)) for kv in found.kvs]
        key, range_end = history_of(text)
        while True:
            # Four of the largest entries fit into one answer, whatever their letters take as JSON.
            kept = await self._range(store.Range(key, range_end, 4, sort_order="descend"), timeout_s)
            versions += [EntryView.of(text, entry_of(kv), current=False) for kv in kept.kvs]
            if not kept.more:
                break
            range_end = kept.kvs[-1].key
        if not versions:
            raise NoEntry(f"there is no entry {text}", remedy="pycluster config list shows those there are")
        return HistoryView(text, tuple(versions))

    async def effective(
        self,
        node: str,
        members: tuple[MemberView, ...],
        prefix: str = "",
        *,
        timeout_s: float = 5.0,
        released: Mapping[str, Entry] = MappingProxyType({}),
    ) -> EffectivesView:
        """What ``node`` gets of the entries that begin with ``prefix``. Raises ``NoEntry`` for an unknown node, and
        ``LocalMisuse`` where that is too much.

        ``released``: what it has already of versions that are rolled out.
        """
        member = next((one for one in members if one.name == node), None)
        if member is None:
            raise NoEntry(f"there is no node {node}", remedy="pycluster members shows those there are")
        revision, found = await self._counting(prefix, member, timeout_s)
        for text, entry in released.items():
            if text in found and found[text].rolling == entry.version:
                found[text] = entry
        schemas = {} if not prefix else await self._schemas(prefix, revision, timeout_s)
        names = {text: parse(text) for text in found}
        layers: dict[str, list[Name]] = {}
        for name in names.values():
            if not name.schema:
                layers.setdefault(name.path, []).append(name)
        entries, cases = [], []
        for path, parts in sorted(layers.items()):
            stack = ordered(parts)
            shown = tuple(LayerView(name.text, found[name.text].version) for name in stack)
            top = found[stack[-1].text]
            entries.append(EffectiveView(path, top.format, shown, top.content if len(stack) == 1 else ""))
            if len(stack) > 1:
                fit = [one for one in stack[-1].base.schemas if one.text in found or one.text in schemas]
                held = [(one.text, found.get(one.text) or schemas[one.text]) for one in fit]
                contents = tuple(found[name.text].content for name in stack)
                fitted = tuple((text, one.format, one.content) for text, one in held)
                cases.append(Case(path, top.format, contents, fitted, origins=True))
        self._check_size(cases, _ASK_FOR_LESS)
        verdicts = iter(await self._judge_reads(tuple(cases)) if cases else ())
        told = [one if len(one.layers) == 1 else _with(one, next(verdicts)) for one in entries]
        return EffectivesView(node, revision, tuple(told))

    async def draft(self, request: DraftRequest, *, timeout_s: float = 5.0) -> DraftView:
        """What is known of a text that is being written. Raises ``LocalMisuse`` or ``Unfit``; nothing is changed."""
        name = parse(request.name)
        asked = (*name.schemas, *(() if name.scope is None else (name.base,)))
        looks = await asyncio.gather(*(self._range(store.Range(one.key), timeout_s) for one in asked))
        found = {one.text: entry_of(look.kvs[0]) for one, look in zip(asked, looks, strict=True) if look.kvs}
        case = drafts.case(request, name, found, self._params)
        (verdict,) = await self._judge((case,))
        return drafts.view(request, case, verdict)

    # --- changing -------------------------------------------------------------------------------------------------

    async def change(
        self, request: ChangeRequest, *, timeout_s: float = 5.0, request_id: bytes = b"", hold: Hold | None = None
    ) -> ChangesView:
        """All of it in one transaction, after all of it was judged. ``hold`` keeps a single one back, see ``changes``.

        Raises ``LocalMisuse``, ``VersionDiffers``, ``RollingOut``, ``Unfit``, ``Contended``; nothing was changed then.
        """
        names = tuple(parse(one.name) for one in request.entries)
        if not 1 <= len(names) <= self._params.batch_max:
            raise LocalMisuse(
                f"{len(names)} entries cannot be changed together", why=f"1 to {self._params.batch_max} can"
            )
        if len(set(names)) < len(names):
            raise LocalMisuse("an entry is given twice", remedy="give each once")
        for tried in range(_TRIES):
            seen = await self._look(names, timeout_s)
            now_ms = self._wall_ms()
            found = changes.targets(request.entries, seen, request.author, request.reason, now_ms, self._params)
            kept = hold(found[0]) if hold is not None else None
            # A schema may be for thousands of entries: whoever runs the event loop is not kept from it meanwhile.
            await self._check(await asyncio.to_thread(_cases, found, seen, self._members()))
            if kept is not None:
                write = changes.held(found[0], seen, kept)
            else:
                write = changes.transaction(found, seen, now_ms, request.author, request.reason, self._params)
            if request.dry_run or write is None:
                return ChangesView(0, changes.told(found), request.dry_run)
            own_id = changes.id_of_try(request_id, tried)
            result = await self._state.ask(write, timeout_s=timeout_s, request_id=own_id)
            if cast(store.TxnResult, result).succeeded:
                later = result.revision > max(revision for *_, revision in seen.read)
                if later and not request_id:
                    return ChangesView(result.revision, changes.told(found))
                # Whoever used the ID made it. Where that was before this look, others may have changed it since.
                wanted = () if kept is not None else tuple(one.wanted for one in found)
                made = await self._made(names, wanted, result.revision, timeout_s)
                return ChangesView(result.revision, changes.told(found) if later else made)
        raise Contended("others change the same entries", why=f"{_TRIES} tries came too late", remedy="try again")

    async def _made(
        self, names: tuple[Name, ...], wanted: tuple[Wanted, ...], revision: int, timeout_s: float
    ) -> tuple[ChangedView, ...]:
        """What that revision made of them; raises ``LocalMisuse`` where that is not what is ``wanted``."""
        moments: list[dict[str, Entry]] = []
        for at in (revision - 1, revision):
            looks = await asyncio.gather(*(self._range(store.Range(one.key, revision=at), timeout_s) for one in names))
            moments.append({of_key(kv.key): entry_of(kv) for look in looks for kv in look.kvs})
        if moments[0] == moments[1] or not changes.as_wanted(wanted, moments[1]):
            raise changes.reused()
        return changes.told_at(names, *moments)

    async def rollback(
        self, request: RollbackRequest, *, timeout_s: float = 5.0, request_id: bytes = b""
    ) -> ChangesView:
        """Make what version ``to`` was a new version. Raises ``NoEntry`` and what ``change`` raises."""
        old = await self.get(request.name, request.to, timeout_s=timeout_s)
        content = None if old.deleted else old.content
        wanted = Wanted(name=request.name, content=content, format=old.format, if_version=request.if_version)
        reason = request.reason or f"rollback to version {request.to}"
        change = ChangeRequest(entries=(wanted,), author=request.author, reason=reason, dry_run=request.dry_run)
        return await self.change(change, timeout_s=timeout_s, request_id=request_id)

    async def _check(self, cases: tuple[Case, ...]) -> None:
        """Raise ``Unfit`` with every problem; what needs no parser is not sent to one."""
        asked = tuple(one for one in cases if one.format != "text" or one.schemas)
        self._check_size(asked, "let a schema be for fewer entries")
        if not asked:
            return
        problems = tuple(line for verdict in await self._judge(asked) for line in verdict.problems)
        if problems:
            raise Unfit(problems)

    def _check_size(self, cases: Iterable[Case], remedy: str) -> None:
        """Raise ``LocalMisuse`` where a child would have to read too much."""
        size = sum(sum(map(len, one.layers)) + sum(len(text) for _, _, text in one.schemas) for one in cases)
        if size > self._params.judged_max_bytes:
            why = f"{size} characters have to be read for it, of {self._params.judged_max_bytes} possible"
            raise LocalMisuse("that is too much to check", why=why, remedy=remedy)

    async def _look(self, names: tuple[Name, ...], timeout_s: float) -> changes.Seen:
        intervals, beside = changes.dependencies(names), stacks.beside(names)
        asked = (self._interval(key, end, timeout_s) for key, end in (*intervals, *beside))
        looks = await asyncio.gather(*asked)
        entries: dict[str, store.KeyValue | None] = {}
        read = []
        for _, kvs in looks[len(intervals) :]:
            entries |= changes.named(kvs)
        for (key, range_end), (revision, kvs) in zip(intervals, looks, strict=False):
            entries |= changes.named(kvs)
            read.append((key, range_end, revision))
        last: dict[str, int] = {}
        for name in names:
            if entries.get(name.text) is None:
                key, range_end = history_of(name.text)
                newest = store.Range(key, range_end, 1, sort_order="descend", keys_only=True)
                found = await self._range(newest, timeout_s)
                # An entry that came and went since then would have used the version that this one is to get.
                read.append((key, range_end, found.revision))
                if found.kvs:
                    last[name.text] = of_history(found.kvs[0].key)[1]
        return changes.Seen(entries, tuple(read), last)

    # --- the state ------------------------------------------------------------------------------------------------

    async def _counting(self, prefix: str, member: MemberView, timeout_s: float) -> tuple[int, dict[str, Entry]]:
        """What begins so and counts at ``member``, and the schemas. Raises ``LocalMisuse`` where that is too much."""
        revision = size = 0
        found: dict[str, Entry] = {}
        async for piece in self._pieces(*_interval(prefix), timeout_s):
            revision = revision or piece.revision
            for kv in piece.kvs:
                name = parse(of_key(kv.key))
                if name.schema or counts(name, member):
                    found[name.text] = entry_of(kv)
                    size += len(kv.value)
            if size > _GIVEN_MAX:
                why = f"its entries have more than {_GIVEN_MAX} bytes"
                raise LocalMisuse(f"what {member.name} gets is too much for one answer", why=why, remedy=_ASK_FOR_LESS)
        return revision, found

    async def _schemas(self, prefix: str, revision: int, timeout_s: float) -> dict[str, Entry]:
        """The schemas above ``prefix`` that entries below it must fit."""
        folders = prefix.split("/")[:-1]
        names = ["@schema", *("/".join(folders[: depth + 1]) + "/@schema" for depth in range(len(folders)))]
        found: dict[str, Entry] = {}
        for text in names:
            result = await self._range(store.Range(ENTRIES + text.encode(), revision=revision), timeout_s)
            found |= {of_key(kv.key): entry_of(kv) for kv in result.kvs}
        return found

    async def _interval(self, key: bytes, range_end: bytes, timeout_s: float) -> tuple[int, tuple[store.KeyValue, ...]]:
        """All keys of it as of one revision."""
        revision = 0
        kvs: tuple[store.KeyValue, ...] = ()
        async for piece in self._pieces(key, range_end, timeout_s):
            revision, kvs = revision or piece.revision, kvs + piece.kvs
        return revision, kvs

    async def _pieces(self, key: bytes, range_end: bytes, timeout_s: float) -> AsyncIterator[store.RangeResult]:
        """All keys of it as of one revision, however many pieces that takes."""
        revision = 0
        while True:
            wanted = store.Range(key, range_end, _PAGE if range_end else 0, revision=revision)
            found = await self._piece(wanted, timeout_s)
            yield found
            if not found.more or not found.kvs:
                return
            revision, key = revision or found.revision, found.kvs[-1].key + b"\0"

    async def _piece(self, wanted: store.Range, timeout_s: float) -> store.RangeResult:
        """As many of the keys as fit into one answer."""
        while True:
            try:
                return await self._range(wanted, timeout_s)
            except StateFailed as failed:
                if failed.failure.kind != "request-too-large" or wanted.limit <= 1:
                    raise
                wanted = msgspec.structs.replace(wanted, limit=max(wanted.limit // 8, 1))

    async def _range(self, wanted: store.Range, timeout_s: float) -> store.RangeResult:
        return cast(store.RangeResult, await self._state.ask(wanted, timeout_s=timeout_s))


def _cases(found: tuple[changes.Target, ...], seen: changes.Seen, members: tuple[MemberView, ...]) -> tuple[Case, ...]:
    return changes.cases(found, seen) + stacks.cases(found, seen, members)


def _interval(prefix: str) -> tuple[bytes, bytes]:
    stem = ENTRIES + prefix.encode()
    return stem, stem[:-1] + bytes((stem[-1] + 1,))


def _with(view: EffectiveView, verdict: Verdict) -> EffectiveView:
    return msgspec.structs.replace(view, content=verdict.content, problems=verdict.problems, origins=verdict.origins)
