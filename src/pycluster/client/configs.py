"""Configuration entries, for programs with an event loop and without."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from pycluster import store
from pycluster.client.calls import Calls
from pycluster.client.watching import watch
from pycluster.configs import (
    ENTRIES,
    ChangedView,
    ChangeRequest,
    ChangesView,
    EffectiveQuery,
    EffectivesView,
    EntriesQuery,
    EntriesView,
    EntryQuery,
    EntryView,
    HistoryQuery,
    HistoryView,
    RollbackRequest,
    Wanted,
    entry_of,
    of_key,
)
from pycluster.judging import Format
from pycluster.node.keyrequests import interval
from pycluster.rendering import FilesView, RenderRequest, RenderView

T = TypeVar("T")


class ConfigChange(msgspec.Struct, frozen=True):
    """An entry was written, or ``entry`` is None: deleted."""

    name: str
    revision: int
    entry: EntryView | None


class AsyncConfigs:
    """The entries, asked through one agent; see ``AsyncStateClient`` for what methods raise. Contents that are not what
    their format or a schema says raise ``Rejected`` with every problem.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(self, prefix: str = "") -> tuple[EntryView, ...]:
        """Every entry whose name begins so, without contents."""
        found: tuple[EntryView, ...] = ()
        while True:
            query = EntriesQuery(prefix=prefix, after=found[-1].name if found else "")
            piece = await self._calls.call("GET", "/config", EntriesView, query=query)
            found += piece.entries
            if not piece.more or not piece.entries:
                return found

    async def get(self, name: str, version: int = 0) -> EntryView:
        """One version with its content, 0: the current one; raises ``NotFound``."""
        query = EntryQuery(name=name, version=version)
        return await self._calls.call("GET", "/config/entry", EntryView, query=query)

    async def history(self, name: str) -> tuple[EntryView, ...]:
        """The versions that are kept, the newest first, without contents; raises ``NotFound``."""
        return (await self._calls.call("GET", "/config/history", HistoryView, query=HistoryQuery(name=name))).versions

    async def change(
        self, entries: Sequence[Wanted], *, author: str = "", reason: str = "", dry_run: bool = False
    ) -> ChangesView:
        """All of ``entries`` in one step, or none; ``dry_run`` only checks. Raises ``CompareFailed`` for a version."""
        body = ChangeRequest(entries=tuple(entries), author=author, reason=reason, dry_run=dry_run)
        return await self._calls.call("POST", "/config/change", ChangesView, body=body)

    async def put(
        self,
        name: str,
        content: str,
        *,
        format: Format | None = None,
        author: str = "",
        reason: str = "",
        if_version: int | None = None,
    ) -> ChangedView:
        """Write one entry; the same content again is no new version."""
        wanted = Wanted(name=name, content=content, format=format, if_version=if_version)
        return (await self.change((wanted,), author=author, reason=reason)).changes[0]

    async def delete(
        self, name: str, *, author: str = "", reason: str = "", if_version: int | None = None
    ) -> ChangedView:
        """Delete one entry; its history stays."""
        wanted = Wanted(name=name, if_version=if_version)
        return (await self.change((wanted,), author=author, reason=reason)).changes[0]

    async def rollback(
        self,
        name: str,
        to: int,
        *,
        author: str = "",
        reason: str = "",
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> ChangedView:
        """Make what version ``to`` was a new version; raises ``NotFound``."""
        body = RollbackRequest(name=name, to=to, author=author, reason=reason, if_version=if_version, dry_run=dry_run)
        return (await self._calls.call("POST", "/config/rollback", ChangesView, body=body)).changes[0]

    async def effective(self, node: str, prefix: str = "") -> EffectivesView:
        """What a node gets of the entries that begin so; raises ``NotFound`` for an unknown node."""
        query = EffectiveQuery(node=node, prefix=prefix)
        return await self._calls.call("GET", "/config/effective", EffectivesView, query=query)

    async def rendered(self) -> FilesView:
        """The rendered files of the node that is asked."""
        return await self._calls.call("GET", "/config/rendered", FilesView)

    async def render(self, name: str, *, dry_run: bool = False) -> RenderView:
        """Render one of them now; ``dry_run`` leaves what stands there. Raises ``Rejected`` where that fails."""
        body = RenderRequest(name=name, dry_run=dry_run)
        return await self._calls.call("POST", "/config/render", RenderView, body=body)

    async def watch(
        self, prefix: str = "", *, revision: int = 0, patience_s: float = 30.0
    ) -> AsyncGenerator[ConfigChange, None]:
        """Each change of the entries that begin so; see ``AsyncStateClient.watch``."""
        key, end = interval(ENTRIES + prefix.encode())
        async for event in watch(self._calls.endpoint, store.Watch(key, end, revision), patience_s):
            name = of_key(event.kv.key)
            entry = None if event.deleted else EntryView.of(name, entry_of(event.kv), content=True)
            yield ConfigChange(name, event.kv.mod_revision, entry)


class _Run(Protocol):
    def __call__(self, work: Coroutine[Any, Any, T]) -> T: ...


class Configs:
    """See ``AsyncConfigs``."""

    def __init__(
        self,
        run: _Run,
        each: Callable[[AsyncGenerator[ConfigChange, None]], Iterator[ConfigChange]],
        inner: AsyncConfigs,
    ) -> None:
        self._run = run
        self._each = each
        self._inner = inner

    def list(self, prefix: str = "") -> tuple[EntryView, ...]:
        """Every entry whose name begins so, without contents."""
        return self._run(self._inner.list(prefix))

    def get(self, name: str, version: int = 0) -> EntryView:
        """One version with its content, 0: the current one; raises ``NotFound``."""
        return self._run(self._inner.get(name, version))

    def history(self, name: str) -> tuple[EntryView, ...]:
        """The versions that are kept, the newest first, without contents; raises ``NotFound``."""
        return self._run(self._inner.history(name))

    def change(
        self, entries: Sequence[Wanted], *, author: str = "", reason: str = "", dry_run: bool = False
    ) -> ChangesView:
        """All of ``entries`` in one step, or none; ``dry_run`` only checks."""
        return self._run(self._inner.change(entries, author=author, reason=reason, dry_run=dry_run))

    def put(
        self,
        name: str,
        content: str,
        *,
        format: Format | None = None,
        author: str = "",
        reason: str = "",
        if_version: int | None = None,
    ) -> ChangedView:
        """Write one entry; the same content again is no new version."""
        written = self._inner.put(name, content, format=format, author=author, reason=reason, if_version=if_version)
        return self._run(written)

    def delete(self, name: str, *, author: str = "", reason: str = "", if_version: int | None = None) -> ChangedView:
        """Delete one entry; its history stays."""
        return self._run(self._inner.delete(name, author=author, reason=reason, if_version=if_version))

    def rollback(
        self,
        name: str,
        to: int,
        *,
        author: str = "",
        reason: str = "",
        if_version: int | None = None,
        dry_run: bool = False,
    ) -> ChangedView:
        """Make what version ``to`` was a new version; raises ``NotFound``."""
        rolled = self._inner.rollback(name, to, author=author, reason=reason, if_version=if_version, dry_run=dry_run)
        return self._run(rolled)

    def effective(self, node: str, prefix: str = "") -> EffectivesView:
        """What a node gets of the entries that begin so; raises ``NotFound`` for an unknown node."""
        return self._run(self._inner.effective(node, prefix))

    def rendered(self) -> FilesView:
        """The rendered files of the node that is asked."""
        return self._run(self._inner.rendered())

    def render(self, name: str, *, dry_run: bool = False) -> RenderView:
        """Render one of them now; ``dry_run`` leaves what stands there. Raises ``Rejected`` where that fails."""
        return self._run(self._inner.render(name, dry_run=dry_run))

    def watch(self, prefix: str = "", *, revision: int = 0, patience_s: float = 30.0) -> Iterator[ConfigChange]:
        """Each change of the entries that begin so; see ``AsyncStateClient.watch``."""
        return self._each(self._inner.watch(prefix, revision=revision, patience_s=patience_s))
