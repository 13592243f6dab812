"""What is told of rollouts as they happen: the leader's controller says it, once for each change that it sees."""

from __future__ import annotations

import msgspec

from pycluster.controllers import Act
from pycluster.node.events import RolloutTold
from pycluster.rollouts.model import Run
from pycluster.rollouts.sight import Seen, Which

#: The act that tells; ``Board.told`` takes its argument apart.
TELL = "tell-rollouts"
#: Nodes that an event names.
_NAMED = 100


class _Mark(msgspec.Struct, frozen=True):
    """How far a rollout was when it was told of, in that leader's term."""

    term: int
    state: str
    released: int


class _News(msgspec.Struct, frozen=True):
    name: str
    version: int
    mark: _Mark
    told: RolloutTold


class Board:
    """What this agent told already."""

    def __init__(self) -> None:
        self._marks: dict[Which, _Mark] = {}

    def news(self, seen: Seen, term: int) -> tuple[Act, ...]:
        """What is to be told now; of what was over before this term, nothing."""
        found: list[_News] = []
        for which, (run, _) in sorted(seen.runs.items()):
            mark, before = _Mark(term, run.state, run.released), self._marks.get(which)
            released = seen.releases.get(which, {})
            nodes = sorted(node for node, (one, _) in released.items() if one.batch == run.batch)
            told = _news(run, before if before is not None and before.term == term else None, nodes)
            found += [_News(*which, mark, told)] if told is not None else []
        return (Act("tell of rollouts", TELL, msgspec.msgpack.encode(found)),) if found else ()

    def told(self, act: Act) -> tuple[RolloutTold, ...]:
        """What ``act`` tells; it is told from now on."""
        found = msgspec.msgpack.decode(act.argument, type=list[_News])
        self._marks |= {(one.name, one.version): one.mark for one in found}
        return tuple(one.told for one in found)


def _news(run: Run, before: _Mark | None, nodes: list[str]) -> RolloutTold | None:
    """What became of it since ``before``; ``nodes`` are those of the newest batch."""
    by = f" by {run.by}" if run.by else ""
    if before is None:
        if run.over:
            return None
        if run.batch or run.state != "running":
            return _say("rollout-continued", run, f"goes on under this leader: {run.state}, {run.released} released")
        return _say("rollout-started", run, "started" + (f" by {run.author}" if run.author else ""))
    if run.state != before.state:
        match run.state:
            case "running":
                return _say("rollout-resumed", run, f"goes on{by}")
            case "paused":
                return _say("rollout-paused", run, f"paused{by}: {run.why}", why=run.why)
            case "rolling-back":
                return _say("rollout-stopped", run, f"stopped{by}: {run.why}", why=run.why)
            case "done":
                return _say("rollout-done", run, f"is done: {run.released} nodes")
            case "rolled-back":
                return _say("rollout-rolled-back", run, f"is rolled back: {run.why}", why=run.why)
            case "aborted":
                return _say("rollout-aborted", run, f"is aborted{by}: {run.why}", why=run.why)
    if run.released != before.released:
        text = f"batch {run.batch}: {', '.join(nodes[:5])}" + (f" and {len(nodes) - 5} more" if nodes[5:] else "")
        return _say("rollout-released", run, text, batch=run.batch, nodes=" ".join(nodes[:_NAMED]))
    return None


def _say(kind: str, run: Run, text: str, **more: str | int) -> RolloutTold:
    fields: dict[str, str | int] = {"entry": run.name, "version": run.version, **more}
    if run.result:
        fields["result"] = run.result
    problem = ""
    if run.state == "rolling-back" or (run.state == "paused" and not run.by):
        problem = f"the rollout of {run.name} version {run.version} is {run.state}: {run.why}"
    return RolloutTold(
        f"{run.name}#{run.version}", kind, f"Rollout of {run.name} version {run.version} {text}", fields, problem
    )
