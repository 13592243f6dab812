"""What the leader forgets of rollouts: what nodes watched, old runs, and what nodes said that are gone."""

from __future__ import annotations

from pycluster import store
from pycluster.controllers import Write
from pycluster.rollouts.names import run_key
from pycluster.rollouts.params import Params
from pycluster.rollouts.sight import Seen

#: Keys forgotten in one transaction: a condition for each, and the state takes 128.
_TOGETHER = 100


def tidy(seen: Seen, now_ms: int, params: Params) -> tuple[list[Write], int | None]:
    """What is to be deleted now, and when to look again (Unix ms)."""
    gone: list[tuple[bytes, int]] = []
    times: list[int] = []
    over = [(run, revision) for run, revision in seen.runs.values() if run.over]
    for run, _ in over:
        which = (run.name, run.version)
        watched = [kv for _, kv in seen.releases.get(which, {}).values()]
        watched += [seen.staged[which]] if which in seen.staged else []
        if not watched:
            continue
        if run.ended_ms + params.staged_ms > now_ms:
            times.append(run.ended_ms + params.staged_ms)
        else:
            gone += [(kv.key, kv.mod_revision) for kv in watched]
    over.sort(key=lambda one: (one[0].ended_ms, one[0].name), reverse=True)
    gone += [
        (run_key(run.name, run.version), revision)
        for run, revision in over[params.runs_kept :]
        if (run.name, run.version) not in seen.staged
    ]
    quiet = len(over) == len(seen.runs)
    for node, (_, kv) in sorted(seen.reports.items()):
        # Who left may be restarting, who is not known yet may come: a rollout must miss neither.
        state = seen.states.get(node)
        if quiet and (state == "left" or (state is None and seen.states)):
            gone.append((kv.key, kv.mod_revision))
    pieces = [gone[place : place + _TOGETHER] for place in range(0, len(gone), _TOGETHER)]
    return [_forget(piece) for piece in pieces], min(times, default=None)


def _forget(keys: list[tuple[bytes, int]]) -> Write:
    return Write(
        f"forget {len(keys)} keys of rollouts that are over",
        tuple(store.Compare(key, "mod", "equal", revision) for key, revision in keys),
        tuple(store.DeleteRange(key) for key, _ in keys),
    )
