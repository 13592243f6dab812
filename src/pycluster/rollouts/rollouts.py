"""Rollouts, above the port of the replicated state: begun, looked at, steered. The leader brings them forward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec

from pycluster import store
from pycluster.configs import (
    ChangedView,
    ChangeRequest,
    Configs,
    EffectivesView,
    Entry,
    EntryView,
    Held,
    HistoryView,
    NoEntry,
    RollingOut,
    Target,
    Wanted,
    entry_key,
    entry_of,
    id_of_try,
    packed_entry,
    parse,
    reused,
)
from pycluster.kernel.errors import LocalMisuse, Refused
from pycluster.node.ports import StateFailed, StateStore
from pycluster.node.view import MemberView
from pycluster.rollouts.lanes import Field, lanes
from pycluster.rollouts.model import Lane, Release, Report, Run, Staged, packed, unpacked
from pycluster.rollouts.names import (
    NODES,
    RELEASES,
    RUNS,
    above,
    of_release,
    releases_of,
    run_key,
    runs_of,
    staged_key,
)
from pycluster.rollouts.params import Params
from pycluster.rollouts.views import (
    NodeFiles,
    NodesView,
    RolloutRequest,
    RolloutsView,
    RolloutView,
    StartedView,
    SteerRequest,
)

_TRIES = 5
_PAGE = 500
#: What members are: their state by name.
States = Mapping[str, str]


class NotPossible(Refused):
    """A rollout is not in a state in which that can be done."""


class Rollouts:
    """One agent's door to rollouts. Every method raises ``StateFailed``, too."""

    def __init__(self, state: StateStore, configs: Configs, params: Params | None = None) -> None:
        self._state = state
        self._configs = configs
        self._params = params or Params()

    # --- beginning ------------------------------------------------------------------------------------------------

    async def start(self, request: RolloutRequest, *, timeout_s: float = 5.0, request_id: bytes = b"") -> StartedView:
        """Judge the new content as any change, and let the leader bring it to the nodes.

        Raises ``LocalMisuse`` where nobody renders it or there is nothing to go back to, and what ``Configs.change``
        raises.
        """
        if not any(
            one.entry == request.name for node in (await self.nodes(timeout_s=timeout_s)).nodes for one in node.files
        ):
            why = "no node renders a file from it"
            raise LocalMisuse(f"{request.name} cannot be rolled out", why=why, remedy="write it without -rollout")
        wanted = Wanted(
            name=request.name, content=request.content, format=request.format, if_version=request.if_version
        )
        change = ChangeRequest(entries=(wanted,), author=request.author, reason=request.reason, dry_run=request.dry_run)
        runs: list[Run] = []

        def hold(target: Target) -> Held:
            run, put = self._held(target, request)
            runs.append(run)
            return put

        try:
            done = await self._configs.change(change, timeout_s=timeout_s, request_id=request_id, hold=hold)
        except RollingOut:
            begun = await self._begun(request, timeout_s)
            if begun is None:
                raise
            return begun
        made = done.changes[0]
        if not done.revision:
            return StartedView(0, made, None, request.dry_run)
        run = runs[-1]
        if request_id:
            key = staged_key(request.name, made.version)
            then = (await self._range(store.Range(key, revision=done.revision), timeout_s)).kvs
            if not then or then[0].mod_revision != done.revision:
                raise reused()
            if unpacked(then[0], Staged).after.content != request.content:
                raise reused()
        if run.version != made.version:
            # A request under the same ID began it, and it is over.
            run, _ = await self._found(request.name, made.version, timeout_s)
        return StartedView(done.revision, made, RolloutView.of(run, run.lanes, whole=True))

    def _held(self, target: Target, request: RolloutRequest) -> tuple[Run, Held]:
        name, before, after = target.name, target.before, target.entry
        if name.schema:
            why = "no node renders it"
            raise LocalMisuse("a schema cannot be rolled out", why=why, remedy="write it without -rollout")
        if before is None:
            why = "there is no such entry, and so nothing to go back to"
            raise LocalMisuse(f"{name.text} cannot be rolled out", why=why, remedy="put a first version")
        if after is None:
            # The same as it is: nothing is begun.
            return self._run(target, before.version, before.version, request), Held(())
        size = max(len(packed_entry(before)), len(packed_entry(after)))
        if size > self._params.entry_max_bytes:
            why = f"it has {size} bytes as JSON, and {self._params.entry_max_bytes} are possible in a rollout"
            raise LocalMisuse(f"{name.text} is too large", why=why, remedy="put less into one entry")
        run = self._run(target, after.version, after.at_ms, request)
        staged = store.Put(staged_key(name.text, after.version), packed(Staged(before, after)))
        return run, Held((staged, store.Put(run_key(name.text, after.version), packed(run))))

    def _run(self, target: Target, version: int, at_ms: int, request: RolloutRequest) -> Run:
        assert target.before is not None
        return Run(
            name=target.name.text,
            version=version,
            before=target.before.version,
            author=request.author,
            reason=request.reason,
            at_ms=at_ms,
            strategy=request.strategy,
        )

    async def _begun(self, request: RolloutRequest, timeout_s: float) -> StartedView | None:
        """The rollout under way, where it is this very one: its answer was lost, and it is asked for again."""
        found = await self._range(store.Range(entry_key(request.name)), timeout_s)
        version = entry_of(found.kvs[0]).rolling if found.kvs else 0
        staged = await self.staged(request.name, version, timeout_s=timeout_s) if version else None
        if staged is None or request.dry_run:
            return None
        after, before = staged.after, staged.before.version
        same = (after.content, after.author, after.reason) == (request.content, request.author, request.reason)
        if not same or request.if_version not in (None, before):
            return None
        runs = await self._range(store.Range(run_key(request.name, version)), timeout_s)
        if not runs.kvs or unpacked(runs.kvs[0], Run).strategy != request.strategy:
            return None
        view = RolloutView.of(unpacked(runs.kvs[0], Run), (), whole=True)
        return StartedView(found.revision, ChangedView(request.name, "changed", version, before), view)

    # --- looking --------------------------------------------------------------------------------------------------

    async def list(self, states: States, now_ms: int, prefix: str = "", *, timeout_s: float = 5.0) -> RolloutsView:
        """All that are kept of entries that begin so."""
        stem = RUNS + prefix.encode()
        revision, kvs = await self._interval(stem, above(stem), timeout_s)
        runs = [unpacked(kv, Run) for kv in kvs]
        fields = await self._fields(states, timeout_s) if any(not run.over for run in runs) else {}
        views = []
        for run in sorted(runs, key=lambda one: (one.at_ms, one.name), reverse=True):
            shown = lanes(run, fields.get((run.name, run.version), fields.get(("", 0), _NOTHING)), now_ms)
            views.append(RolloutView.of(run, shown, whole=False))
        return RolloutsView(revision, tuple(views))

    async def get(
        self, name: str, states: States, now_ms: int, version: int = 0, *, timeout_s: float = 5.0
    ) -> RolloutView:
        """One of them with every node's lane, 0: the newest. Raises ``NoEntry``."""
        run, _ = await self._found(name, version, timeout_s)
        return RolloutView.of(run, await self._lanes(run, states, now_ms, timeout_s), whole=True)

    async def nodes(self, name: str = "", *, timeout_s: float = 5.0) -> NodesView:
        """What each node has in place, of one entry or of all, and of what overrides it."""
        revision, kvs = await self._interval(NODES, above(NODES), timeout_s)
        found = []
        for kv in kvs:
            report = unpacked(kv, Report)
            files = tuple(one for one in report.files if not name or parse(one.entry).path == name or one.entry == name)
            if files:
                found.append(NodeFiles(kv.key.removeprefix(NODES).decode(), files))
        return NodesView(revision, tuple(found))

    async def staged(self, name: str, version: int, *, timeout_s: float = 5.0) -> Staged | None:
        """Both texts of a rollout that is not long over."""
        found = await self._range(store.Range(staged_key(name, version)), timeout_s)
        return unpacked(found.kvs[0], Staged) if found.kvs else None

    async def entry(self, name: str, version: int = 0, *, timeout_s: float = 5.0) -> EntryView:
        """As ``Configs.get``, and also the version that is rolled out."""
        try:
            return await self._configs.get(name, version, timeout_s=timeout_s)
        except NoEntry:
            staged = await self.staged(name, version, timeout_s=timeout_s) if version else None
            if staged is None:
                raise
            view = EntryView.of(name, staged.after, current=False, content=True)
            return msgspec.structs.replace(view, rolling=version)

    async def effective(
        self, node: str, members: tuple[MemberView, ...], prefix: str = "", *, timeout_s: float = 5.0
    ) -> EffectivesView:
        """As ``Configs.effective``, with what is released for the node."""
        released: dict[str, Entry] = {}
        revision, kvs = await self._interval(*releases_of(node), timeout_s)
        for kv in kvs:
            _, name, version = of_release(kv.key)
            staged = await self.staged(name, version, timeout_s=timeout_s)
            if staged is not None and name.startswith(prefix):
                released[name] = staged.after
        view = await self._configs.effective(node, members, prefix, timeout_s=timeout_s, released=released)
        # What is released between both reads is not in it, and who follows it from its revision on has to hear of that.
        return msgspec.structs.replace(view, revision=min(revision, view.revision))

    async def history(self, name: str, *, timeout_s: float = 5.0) -> HistoryView:
        """As ``Configs.history``, with the version that is rolled out first."""
        found = await self._configs.history(name, timeout_s=timeout_s)
        version = found.versions[0].rolling
        staged = await self.staged(name, version, timeout_s=timeout_s) if version else None
        if staged is None:
            return found
        view = msgspec.structs.replace(EntryView.of(name, staged.after, current=False), rolling=version)
        return HistoryView(name, (view, *found.versions))

    # --- steering -------------------------------------------------------------------------------------------------

    async def steer(
        self,
        request: SteerRequest,
        states: States,
        now_ms: int,
        *,
        timeout_s: float = 5.0,
        request_id: bytes = b"",
    ) -> RolloutView:
        """Pause, resume or abort. Raises ``NoEntry``, ``NotPossible``. What is so already stays so."""
        for tried in range(_TRIES):
            run, revision = await self._found(request.name, request.version, timeout_s)
            shown = await self._lanes(run, states, now_ms, timeout_s)
            wanted = _steered(run, shown, request)
            if wanted == run:
                return RolloutView.of(run, shown, whole=True)
            key = run_key(run.name, run.version)
            write = store.Txn((store.Compare(key, "mod", "equal", revision),), (store.Put(key, packed(wanted)),))
            own_id = id_of_try(request_id, tried)
            result = await self._state.ask(write, timeout_s=timeout_s, request_id=own_id)
            if cast(store.TxnResult, result).succeeded:
                later = result.revision > revision
                version = await self._steered_at(request, result.revision, timeout_s) if request_id else wanted.version
                if later:
                    return RolloutView.of(wanted, shown, whole=True)
                # A request under the same ID did it before this look: others may have steered it since.
                return await self.get(request.name, states, now_ms, version, timeout_s=timeout_s)
        raise NotPossible(f"the rollout of {request.name} moves on all the time", remedy="try again")

    async def _steered_at(self, request: SteerRequest, revision: int, timeout_s: float) -> int:
        """The version that was steered then as ``request`` asks; raises ``LocalMisuse`` where that was not so."""
        then, written = await self._found(request.name, request.version, timeout_s, revision)
        done = "abort" if then.wish else {"paused": "pause", "running": "resume"}.get(then.state)
        # Nobody steered what has just been begun, and is running too.
        if written != revision or not then.by or done != request.to:
            raise reused()
        return then.version

    # --- the state ------------------------------------------------------------------------------------------------

    async def _found(self, name: str, version: int, timeout_s: float, revision: int = 0) -> tuple[Run, int]:
        """The run and when it was written, as of ``revision``, 0: as it is now."""
        parse(name)
        if version:
            found = await self._range(store.Range(run_key(name, version), revision=revision), timeout_s)
        else:
            newest = store.Range(*runs_of(name), 1, revision=revision, sort_order="descend")
            found = await self._range(newest, timeout_s)
        if not found.kvs:
            what = f"there is no rollout of {name}" + (f" version {version}" if version else "")
            raise NoEntry(what, remedy="pycluster config rollout list shows those there are")
        return unpacked(found.kvs[0], Run), found.kvs[0].mod_revision

    async def _lanes(self, run: Run, states: States, now_ms: int, timeout_s: float) -> tuple[Lane, ...]:
        if run.over:
            return run.lanes
        fields = await self._fields(states, timeout_s)
        return lanes(run, fields.get((run.name, run.version), fields["", 0]), now_ms)

    async def _fields(self, states: States, timeout_s: float) -> dict[tuple[str, int], Field]:
        """What is known around each rollout; of one without releases under ``("", 0)``."""
        _, kvs = await self._interval(NODES, above(NODES), timeout_s)
        reports = {kv.key.removeprefix(NODES).decode(): unpacked(kv, Report) for kv in kvs}
        _, kvs = await self._interval(RELEASES, above(RELEASES), timeout_s)
        releases: dict[tuple[str, int], dict[str, Release]] = {("", 0): {}}
        for kv in kvs:
            node, name, version = of_release(kv.key)
            releases.setdefault((name, version), {})[node] = unpacked(kv, Release)
        return {which: Field(one, reports, states) for which, one in releases.items()}

    async def _interval(self, key: bytes, range_end: bytes, timeout_s: float) -> tuple[int, tuple[store.KeyValue, ...]]:
        """All keys of it as of one revision, however many pieces that takes."""
        revision, limit = 0, _PAGE
        kvs: tuple[store.KeyValue, ...] = ()
        while True:
            try:
                found = await self._range(store.Range(key, range_end, limit, revision=revision), timeout_s)
            except StateFailed as failed:
                if failed.failure.kind != "request-too-large" or limit <= 1:
                    raise
                limit = max(limit // 8, 1)
                continue
            revision, kvs = revision or found.revision, kvs + found.kvs
            if not found.more or not found.kvs:
                return revision, kvs
            key = found.kvs[-1].key + b"\0"

    async def _range(self, wanted: store.Range, timeout_s: float) -> store.RangeResult:
        return cast(store.RangeResult, await self._state.ask(wanted, timeout_s=timeout_s))


_NOTHING = Field({}, {}, {})


def _steered(run: Run, shown: tuple[Lane, ...], request: SteerRequest) -> Run:
    """What becomes of it; raises ``NotPossible``."""
    what = f"the rollout of {run.name} version {run.version}"
    if run.over or run.state == "rolling-back":
        if request.to == "abort" and run.wish == "abort":
            return run
        raise NotPossible(f"{what} cannot be changed any more", why=f"it is {run.state}")
    if run.wish:
        if request.to == "abort":
            return run
        raise NotPossible(f"{what} cannot be changed any more", why="it is being aborted")
    by = request.author or "somebody"
    match request.to:
        case "pause":
            if run.state == "paused":
                return run
            return msgspec.structs.replace(run, state="paused", by=by, why=request.reason)
        case "resume":
            if run.state == "running":
                return run
            accepted = tuple(one.node for one in shown if one.state == "failed")
            return msgspec.structs.replace(
                run, state="running", by=by, why=request.reason, accepted=accepted, settled_ms=0
            )
        case "abort":
            return msgspec.structs.replace(run, wish="abort", by=by, why=request.reason)
