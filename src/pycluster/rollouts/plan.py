"""The controller that brings rollouts forward: who is released, when it is over, and what comes back. On the leader."""

from __future__ import annotations

import msgspec

from pycluster import store
from pycluster.configs import Entry, entry_key, history_key, packed_entry
from pycluster.controllers import Act, Interest, Kind, Plan, Step, View, Write
from pycluster.rollouts.lanes import lanes
from pycluster.rollouts.model import Lane, Release, Run, State, packed
from pycluster.rollouts.names import ROLLOUTS, above, release_key, run_key
from pycluster.rollouts.params import Params
from pycluster.rollouts.sight import Reader, Seen, Which, staged_in
from pycluster.rollouts.telling import Board
from pycluster.rollouts.tidying import tidy

#: Who is said to have brought an old version back.
CLUSTER = "pycluster"
_REASON_MAX = 500
#: Of more nodes than this a finished rollout keeps few words each: all of it is one value of the state.
_MANY = 500


class Rolling:
    """See ``docs/protocol/rollouts.md``. The plan is a function of the view, the time and what ``board`` was told."""

    name = "config-rollouts"
    kind: Kind = "leader"
    interests = (Interest(ROLLOUTS, above(ROLLOUTS)),)
    wants_members = True

    def __init__(self, board: Board, params: Params | None = None, *, history: bool = True) -> None:
        """``history``: old versions of entries are kept at all."""
        self._board = board
        self._params = params or Params()
        self._history = history
        self.gap_ms = self._params.gap_ms
        self._reader = Reader()

    def plan(self, view: View, now_ms: int) -> Plan:
        """One step for each rollout that is not over, in the order of their names; then what is to be forgotten."""
        seen = self._reader.read(view)
        steps: list[Step] = []
        times: list[int] = []
        for which, (run, revision) in sorted(seen.runs.items()):
            if run.over:
                continue
            step, again_ms = _One(which, run, revision, seen, view.term, now_ms, self._params, self._history).next()
            steps += [step] if step is not None else []
            times += [again_ms] if again_ms is not None else []
        forgotten, again_ms = tidy(seen, now_ms, self._params)
        steps += forgotten
        times += [again_ms] if again_ms is not None else []
        told: tuple[Act, ...] = self._board.news(seen, view.term)
        return Plan((*steps, *told), min(times, default=None), apart=True)


class _One:
    """The next step of one rollout."""

    def __init__(
        self,
        which: Which,
        run: Run,
        revision: int,
        seen: Seen,
        term: int,
        now_ms: int,
        params: Params,
        history: bool,
    ) -> None:
        self._run, self._revision, self._seen, self._term = run, revision, seen, term
        self._now_ms, self._params, self._history = now_ms, params, history
        self._which = which
        self._lanes = lanes(run, seen.field(which), now_ms)

    def next(self) -> tuple[Write | None, int | None]:
        """What is to be written, or when to look again."""
        run = self._run
        if run.state == "rolling-back":
            return self._return()
        if run.wish == "abort":
            return self._stop(run.why or "it was aborted", run.by), None
        failed = [one for one in self._lanes if one.state == "failed" and one.node not in run.accepted]
        if len(failed) > run.strategy.failures or (failed and self._in_vain()):
            why = "; ".join(f"{one.node}: {one.problem}" for one in failed[:3])
            why += f"; and {len(failed) - 3} more" if len(failed) > 3 else ""
            if run.strategy.on_failure == "rollback":
                return self._stop(why, ""), None
            if run.state == "running":
                paused = self._changed(state="paused", why=why[:_REASON_MAX], by="")
                return self._write("pause", paused), None
        open_ms = [self._due_ms(one) for one in self._lanes if one.state == "changing"]
        if run.state == "paused":
            return None, min(open_ms, default=None)
        return self._forward(open_ms)

    # --- forward --------------------------------------------------------------------------------------------------

    def _forward(self, open_ms: list[int]) -> tuple[Write | None, int | None]:
        run, now_ms = self._run, self._now_ms
        waiting = [one.node for one in self._lanes if one.state == "waiting"]
        ready = [node for node in waiting if self._seen.states.get(node) == "alive"]
        left = run.quota - run.released
        if left > 0 and ready:
            return self._release(ready[: min(left, self._params.together)], run), min(open_ms, default=None)
        if open_ms:
            return None, min(open_ms)
        if not run.batch and not self._lanes:
            return self._finish(), None
        deserted = bool(self._lanes) and not run.batch and all(self._departed(one) for one in self._lanes)
        if (run.batch or deserted) and (not run.settled_ms or run.term != self._term):
            return self._write("note", self._changed(settled_ms=now_ms, term=self._term)), None
        soaked_ms = run.settled_ms + int(run.strategy.soak_s * 1_000)
        if run.batch and now_ms < soaked_ms:
            return None, soaked_ms
        if ready:
            return self._begin(ready), None
        if waiting:
            return None, None  # suspected: members will tell
        absent = any(one.state == "absent" for one in self._lanes)
        if absent and not run.batch and not deserted:
            return None, None
        patient_ms = run.settled_ms + int(run.strategy.timeout_s * 1_000)
        if absent and now_ms < patient_ms:
            return None, patient_ms
        if deserted:
            names = ", ".join(one.node for one in self._lanes[:3]) + (", ..." if self._lanes[3:] else "")
            return self._stop(f"nobody is left to try it: {names}", ""), None
        return self._finish(), None

    def _departed(self, lane: Lane) -> bool:
        """Whether the node left, or is forgotten since: it may never come, as one that is down will."""
        return lane.state == "absent" and self._seen.states.get(lane.node, "left") == "left"

    def _in_vain(self) -> bool:
        """Whether all that were released are settled and none of them is good, while others wait for their turn."""
        states = {one.state for one in self._lanes}
        whole = self._run.released >= self._run.quota
        return whole and "waiting" in states and not states & {"changing", "good"}

    def _begin(self, ready: list[str]) -> Write:
        """The next batch, with its first nodes."""
        run = self._run
        total = run.total or len(self._lanes)
        # Where all of the canary use the entry no more, it was tried by nobody.
        tried = any(one.batch and one.state != "gone" for one in self._lanes)
        canary = 0 if tried else run.strategy.canary
        size = canary or run.strategy.size(total) or len(ready)
        begun = self._changed(total=total, batch=run.batch + 1, quota=run.released + size)
        return self._release(ready[: min(size, self._params.together)], begun)

    def _release(self, nodes: list[str], run: Run) -> Write:
        name, version = self._which
        after = msgspec.structs.replace(run, released=run.released + len(nodes), settled_ms=0)
        keys = [release_key(node, name, version) for node in nodes]
        release = packed(Release(run.batch, self._now_ms))
        return self._write(
            f"release to {', '.join(nodes[:3])}",
            after,
            tuple(store.Compare(key, "version", "equal", 0) for key in keys),
            tuple(store.Put(key, release) for key in keys),
        )

    def _finish(self) -> Write:
        """The entry becomes the new version."""
        kv = self._seen.staged[self._which]
        staged = staged_in(kv)
        compare, writes = self._entry(kv, staged.after, staged.before)
        return self._write("finish", self._ended("done", result=staged.after.version), compare, writes)

    # --- back -----------------------------------------------------------------------------------------------------

    def _stop(self, why: str, by: str) -> Write:
        """The entry becomes a new version with the old content."""
        run, kv = self._run, self._seen.staged[self._which]
        staged = staged_in(kv)
        what = "was aborted" if run.wish else "stopped"
        reason = f"rollback to version {run.before}: the rollout of version {run.version} {what}: {why}"
        back = msgspec.structs.replace(
            staged.before,
            version=run.version + 1,
            author=by or CLUSTER,
            reason=reason[:_REASON_MAX],
            at_ms=self._now_ms,
        )
        compare, writes = self._entry(kv, back, staged.before, staged.after)
        after = self._changed(
            state="rolling-back", result=back.version, why=why[:_REASON_MAX], by=by, stopped_ms=self._now_ms
        )
        return self._write("stop", after, compare, writes)

    def _return(self) -> tuple[Write | None, int | None]:
        """It is over when everybody is back, or their time is."""
        returning = [one for one in self._lanes if one.state == "returning"]
        if returning:
            return None, self._run.stopped_ms + int(self._run.strategy.timeout_s * 1_000)
        state: State = "aborted" if self._run.wish else "rolled-back"
        return self._write("end", self._ended(state, result=self._run.result)), None

    # --- writing --------------------------------------------------------------------------------------------------

    def _due_ms(self, lane: Lane) -> int:
        return lane.released_ms + int(self._run.strategy.timeout_s * 1_000)

    def _changed(self, **fields: object) -> Run:
        return msgspec.structs.replace(self._run, **fields)

    def _ended(self, state: State, result: int) -> Run:
        shown = msgspec.structs.replace(self._run, state=state, result=result)
        # Who is not good any more is what is looked for later.
        kept = sorted(self._lanes, key=lambda one: one.state in ("good", "back", "untouched"))
        kept = kept[: self._params.lanes_kept]
        order = {one.node: place for place, one in enumerate(self._lanes)}
        words = _REASON_MAX if len(kept) <= _MANY else _REASON_MAX // 10
        final = tuple(
            msgspec.structs.replace(one, problem=one.problem[:words])
            for one in sorted(kept, key=lambda one: order[one.node])
        )
        return msgspec.structs.replace(shown, ended_ms=self._now_ms, lanes=final)

    def _entry(
        self, staged: store.KeyValue, now: Entry, *old: Entry
    ) -> tuple[tuple[store.Compare, ...], tuple[store.Put, ...]]:
        """The entry as ``now``, the ``old`` ones as history; nobody else wrote it since it was staged."""
        name = self._which[0]
        compare = [store.Compare(entry_key(name), "mod", "equal", staged.mod_revision)]
        writes = [store.Put(entry_key(name), packed_entry(now))]
        for one in old if self._history else ():
            key = history_key(name, one.version, self._now_ms)
            compare.append(store.Compare(key, "version", "equal", 0))
            writes.append(store.Put(key, packed_entry(one)))
        return tuple(compare), tuple(writes)

    def _write(
        self,
        what: str,
        run: Run,
        compare: tuple[store.Compare, ...] = (),
        writes: tuple[store.Put, ...] = (),
    ) -> Write:
        name, version = self._which
        key = run_key(name, version)
        held = store.Compare(key, "mod", "equal", self._revision)
        return Write(f"{what}: {name} version {version}", (held, *compare), (store.Put(key, packed(run)), *writes))
