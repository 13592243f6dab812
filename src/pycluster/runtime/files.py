"""The rendered files of one agent: performs what their controller plans, and renders one when somebody asks."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import msgspec

from pycluster import store
from pycluster.controllers import Act
from pycluster.judging import Batch, Rendered, Source
from pycluster.kernel.errors import LocalMisuse, PyClusterError
from pycluster.node.events import FilePlaced
from pycluster.node.ports import ClusterReads, StateStore
from pycluster.node.view import MemberView
from pycluster.rendering import (
    PLACE,
    PROBE,
    RENDER,
    Did,
    FileProblem,
    FilesView,
    Placed,
    RenderRequest,
    RenderView,
    Shelf,
    Sight,
    Standing,
    Wanted,
    Work,
    fingerprints,
    interests,
    intervals,
    selects,
)
from pycluster.runtime.handles import Found, reader
from pycluster.runtime.placing import Placing, file_of
from pycluster.runtime.reconciler import Actor
from pycluster.settings import Template
from pycluster.store import KeyValue

Render = Callable[[Batch], Awaitable[tuple[Rendered, ...]]]
#: Bytes of a local source; more is no template.
SOURCE_MAX_BYTES = 1024 * 1024
#: Keys read at once when somebody asks.
_PAGE = 500
#: Keys that one may see, when somebody asks; of all together that is the bound of their controller.
_KEYS_MAX = 100_000
#: Between two tries of a probe, ms.
_PROBE_EVERY_MS = 1_000


class Files:
    """``rendering.RenderedFiles``; ``feed`` takes what became of each file."""

    def __init__(
        self,
        templates: tuple[Template, ...],
        shelf: Shelf,
        cluster: ClusterReads,
        state: StateStore,
        render: Render,
        placing: Placing,
        feed: Callable[[FilePlaced], None],
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._templates = {one.name: one for one in templates}
        self._shelf = shelf
        self._cluster = cluster
        self._state = state
        self._render = render
        self._placing = placing
        self._feed = feed
        self._wall_ms = wall_ms
        #: What is rendered is put in place before anything is rendered anew.
        self._busy = asyncio.Lock()
        self._changed: Callable[[], None] = lambda: None
        self._asked: Callable[[], None] = lambda: None

    def listen(self, changed: Callable[[], None], asked: Callable[[], None] = lambda: None) -> None:
        """Call ``changed`` whenever the shelf has, ``asked`` where it was without a plan: one that failed is due."""
        self._changed, self._asked = changed, asked

    def actors(self) -> dict[str, Actor]:
        """Who does what the plans' acts name."""
        return {RENDER: self._render_batch, PLACE: self._place_files, PROBE: self._probe_file}

    async def _render_batch(self, act: Act) -> None:
        async with self._busy:
            await self._rendered(msgspec.msgpack.decode(act.argument, type=Work))

    async def _place_files(self, act: Act) -> None:
        async with self._busy:
            # What goes wrong is on the shelf: it is one file's, and the others of the plan come after it.
            await self._placed([self._templates[name] for name in act.argument.decode().split("\n")])

    async def _probe_file(self, act: Act) -> None:
        template = self._templates[act.argument.decode()]
        standing = self._shelf.of(template.name)
        problem = await self._placing.probe(template)
        if standing is not None and standing is self._shelf.of(template.name):
            self._shelf.probed(template.name, problem, self._wall_ms() + _PROBE_EVERY_MS)
            self._changed()

    # --- rendering ------------------------------------------------------------------------------------------------

    async def _rendered(self, work: Work) -> None:
        """Every template of the batch: its content is on the shelf, or why there is none."""
        for name, made, problem in await self._results(work):
            self._shelf.rendered(name, made)
            if problem:
                self._failed(self._templates[name], problem)
        self._changed()

    async def _results(self, work: Work) -> list[tuple[str, Standing, str]]:
        sources: list[Source] = []
        results: dict[str, Rendered] = {}
        for wanted in work.wanted:
            text, problem = wanted.text, wanted.problem
            if text is None and not problem:
                text, problem = await self._source(self._templates[wanted.name].source)
            if problem:
                results[wanted.name] = Rendered(wanted.name, problem=problem)
            else:
                sources.append(Source(wanted.name, text or "", intervals(self._templates[wanted.name])))
        keys = tuple((key, value) for key, value, _ in work.keys)
        around = work.around
        try:
            done = await self._render(Batch(tuple(sources), keys, around.node, around.members, around.leader))
        except PyClusterError as error:
            done = tuple(Rendered(one.name, problem=str(error)) for one in sources)
        results |= {one.name: one for one in done}
        mark = fingerprints(work)
        made = []
        for wanted in work.wanted:
            result = results.get(wanted.name)
            if result is None:
                continue  # others took too long; the next plan has it again
            print_of = mark(self._templates[wanted.name], result.reads)
            made.append((wanted.name, _made(result, wanted, print_of), result.problem))
        return made

    async def _source(self, path: str) -> tuple[str, str]:
        """The text of a local template, or the problem."""
        try:
            return await self._placing.at(path, _source, path)
        except OSError as error:
            return "", f"{path} cannot be read: {error.strerror or error}"

    # --- placing --------------------------------------------------------------------------------------------------

    async def _placed(self, templates: Sequence[Template]) -> dict[str, Placed | FileProblem]:
        """Put what is on the shelf in place; what became of each of them, which is told, too."""
        ready: list[tuple[Template, bytes]] = []
        for template in templates:
            standing = self._shelf.of(template.name)
            if not selects(template, self._member()):
                if self._shelf.drop(template.name):
                    self._feed(FilePlaced(template.name, template.destination, "not for this node any more"))
            elif standing is not None and standing.content is not None:
                ready.append((template, standing.content))
        results = await self._placing.place_all(ready)
        for template, _ in ready:
            result = results[template.name]
            if isinstance(result, FileProblem):
                self._failed(template, str(result))
                continue
            since_ms = await self._since_ms(template)
            had_failed = self._shelf.placed(template.name, since_ms)
            if result.did != "unchanged" or had_failed:
                self._feed(FilePlaced(template.name, template.destination, result.did))
        self._changed()
        return results

    async def _since_ms(self, template: Template) -> int:
        """Since when the file is as it is, Unix ms; an agent that found it so did not write it."""
        try:
            facts = await self._placing.at(template.destination, os.stat, template.destination)
        except OSError:
            return self._wall_ms()  # somebody took it away again
        return facts.st_mtime_ns // 1_000_000

    def _failed(self, template: Template, problem: str) -> None:
        if self._shelf.failed(template.name, problem, self._wall_ms()):
            self._feed(FilePlaced(template.name, template.destination, problem=problem))

    # --- the door -------------------------------------------------------------------------------------------------

    def views(self) -> FilesView:
        """How each of them stands."""
        member = self._member()
        return FilesView(
            member.name,
            tuple(self._shelf.view(one, selects(one, member)) for _, one in sorted(self._templates.items())),
        )

    async def render(self, request: RenderRequest, *, timeout_s: float = 30.0, whole: bool = True) -> RenderView:
        """See ``rendering.RenderedFiles``."""
        template = self._templates.get(request.name)
        if template is None:
            remedy = "pycluster config rendered shows those there are"
            raise LocalMisuse(f"this node has no template {request.name}", remedy=remedy)
        member = self._member()
        if not selects(template, member):
            raise LocalMisuse(f"template {request.name} is not for this node", why="its nodes are others")
        try:
            return await self._render_now(template, member, request.dry_run, timeout_s, whole)
        finally:
            if not request.dry_run:
                self._asked()

    async def _render_now(
        self, template: Template, member: MemberView, dry_run: bool, timeout_s: float, whole: bool
    ) -> RenderView:
        async with self._busy:
            keys = await self._keys(template, timeout_s)
            sight = Sight(keys, member, self._cluster.members(), self._cluster.leader().leader)
            (work,) = sight.works((template,))
            ((name, made, problem),) = await self._results(work)
            if problem:
                raise FileProblem(f"template {name} cannot be rendered", why=problem)
            content = made.content or b""
            before = await self._placing.look(template)
            old = before.content.decode(errors="replace") if before is not None else None
            if dry_run:
                await self._placing.check(template, content)
                did: Did = "unchanged" if before == file_of(template, content) else "would-change"
            else:
                self._shelf.rendered(name, made)
                result = (await self._placed((template,)))[name]
                if isinstance(result, FileProblem):
                    raise result
                did = result.did
        closed = "" if whole else await self._closed(template, before)
        if closed:
            return RenderView(name, template.destination, did, "", withheld=closed)
        return RenderView(name, template.destination, did, content.decode(), old)

    async def _closed(self, template: Template, before: Found | None) -> str:
        """Why not everybody on this machine may read the file; empty where they may."""
        try:
            return await self._placing.at(template.destination, _closed, template, before)
        except OSError as error:
            return f"{template.destination} cannot be looked at: {error.strerror or error}"

    def _member(self) -> MemberView:
        return next(one for one in self._cluster.members() if one.local)

    async def _keys(self, template: Template, timeout_s: float) -> dict[bytes, KeyValue]:
        """All that it may see, as of one revision."""
        revision = 0
        found: dict[bytes, KeyValue] = {}
        for interest in interests((template,), self._member().name):
            key, more = interest.key, True
            while more:
                limit = _PAGE if interest.range_end else 0
                asked = store.Range(key, interest.range_end, limit, revision=revision)
                page = cast(store.RangeResult, await self._state.ask(asked, timeout_s=timeout_s))
                revision = revision or page.revision
                found |= {kv.key: kv for kv in page.kvs}
                if len(found) > _KEYS_MAX:
                    raise FileProblem(f"template {template.name} may see more than {_KEYS_MAX} keys")
                more = page.more and bool(page.kvs)
                key = page.kvs[-1].key + b"\0" if more else key
        return found


def _made(result: Rendered, wanted: Wanted, fingerprint: bytes) -> Standing:
    content = None if result.problem else result.content.encode()
    digest = hashlib.sha256(content).hexdigest() if content is not None else ""
    return Standing(
        result.reads, fingerprint, content, wanted.version, digest, entry=wanted.entry, staged=wanted.staged
    )


def _closed(template: Template, before: Found | None) -> str:
    """Why not everybody on this machine may read the file, the new one or that from before; empty where they may."""
    other = "it is told over the agent's Unix socket only"
    for mode in (template.mode, *(() if before is None else (before.mode,))):
        if not mode & stat.S_IROTH:
            return f"the file has mode {mode:04o}: {other}"
    folder = os.path.dirname(template.destination)
    while True:
        try:
            if not os.stat(folder).st_mode & stat.S_IXOTH:
                return f"{folder} is closed to others: {other}"
        except OSError as error:
            return f"{folder} cannot be looked at: {error.strerror or error}: {other}"
        if folder == "/":
            return ""
        folder = os.path.dirname(folder)


def _source(path: str) -> tuple[str, str]:
    """The same, by whoever may wait for the disk; raises ``OSError``."""
    try:
        # A pipe that nobody writes to would be waited for, and everything else with it.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        file = reader(handle)
        if file is None:
            return "", f"{path} is no regular file"
        with file:
            text = file.read(SOURCE_MAX_BYTES + 1)
        if len(text) > SOURCE_MAX_BYTES:
            return "", f"{path} has more than {SOURCE_MAX_BYTES} bytes"
        return text.decode(), ""
    except UnicodeDecodeError:
        return "", f"{path} is no UTF-8"
