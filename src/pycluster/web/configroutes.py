"""The rows of the route table that are the configuration's."""

from __future__ import annotations

from typing import Literal

import msgspec

from pycluster import configs as model
from pycluster import rollouts as rolling
from pycluster.node.keyviews import StateErrorView
from pycluster.rendering import FilesView, RenderRequest, RenderView
from pycluster.web import configs, rollouts
from pycluster.web.operations import Handler, Operation, Query
from pycluster.web.stateroutes import ONCE, TIMEOUT

_ABOUT = {
    "prefix": "Only entries whose names begin so.",
    "after": "Only entries whose names come after this one.",
    "limit": "At most so many entries.",
    "name": "The entry's name, percent-encoded.",
    "version": "Which version; 0 is the current one.",
    "node": "The node's name.",
}
_FAULTS: dict[int, object] = dict.fromkeys((400, 403, 404, 421, 429, 500, 503, 504), StateErrorView)
_REFUSALS: dict[int, object] = dict.fromkeys((409, 413, 415, 422, 507), StateErrorView)


def _row(
    method: Literal["GET", "POST"],
    path: str,
    name: str,
    about: str,
    handler: Handler,
    answer: object,
    shape: type[msgspec.Struct] | None = None,
) -> Operation:
    """A read takes ``shape`` as its query, if it has one, a change as its body."""
    if method == "POST":
        return Operation(
            method=method,
            path=f"/api/v1/config{path}",
            name=name,
            about=f"{about} Only over the Unix socket, or from this machine over loopback.",
            handler=handler,
            answers={200: answer} | _FAULTS | _REFUSALS,
            action="config",
            body=shape,
            query=(TIMEOUT, ONCE),
        )
    found = {"properties": {}} if shape is None else msgspec.json.schema_components([shape])[1][shape.__name__]
    required = found.get("required", ())
    query = tuple(
        Query(field, _ABOUT[field], schema, field in required) for field, schema in found["properties"].items()
    )
    return Operation(
        method=method,
        path=f"/api/v1/config{path}",
        name=name,
        about=about,
        handler=handler,
        answers={200: answer} | _FAULTS,
        query=(*query, TIMEOUT),
    )


CONFIG_OPERATIONS: tuple[Operation, ...] = (
    _row(
        "GET",
        "",
        "configEntries",
        "Configuration entries, without their contents.",
        configs.entries,
        model.EntriesView,
        model.EntriesQuery,
    ),
    _row("GET", "/entry", "configEntry", "One entry.", configs.entry, model.EntryView, model.EntryQuery),
    _row(
        "GET",
        "/history",
        "configHistory",
        "An entry's versions, without contents.",
        configs.history,
        model.HistoryView,
        model.HistoryQuery,
    ),
    _row(
        "GET",
        "/effective",
        "configEffective",
        "What one node gets, overrides merged.",
        configs.effective,
        model.EffectivesView,
        model.EffectiveQuery,
    ),
    _row(
        "POST",
        "/change",
        "configChange",
        "Write and delete entries in one step, or check that it would be accepted.",
        configs.change,
        model.ChangesView,
        model.ChangeRequest,
    ),
    _row(
        "POST",
        "/rollback",
        "configRollback",
        "Make an old version a new one.",
        configs.rollback,
        model.ChangesView,
        model.RollbackRequest,
    ),
    _row(
        "POST",
        "/draft",
        "configDraft",
        "Read a text that is being written, with its schemas and the place of each mistake; write nothing.",
        configs.draft,
        model.DraftView,
        model.DraftRequest,
    ),
    _row("GET", "/rendered", "configRendered", "This node's rendered files.", configs.rendered, FilesView),
    _row(
        "POST",
        "/render",
        "configRender",
        "Render one of this node's files now, or look what would come of it.",
        configs.render,
        RenderView,
        RenderRequest,
    ),
    _row(
        "GET",
        "/rollouts",
        "configRollouts",
        "Rollouts, the newest first, without their nodes.",
        rollouts.rollouts,
        rolling.RolloutsView,
        rolling.RolloutsQuery,
    ),
    _row(
        "GET",
        "/rollout",
        "configRollout",
        "One rollout, with every node's lane.",
        rollouts.rollout,
        rolling.RolloutView,
        rolling.RolloutQuery,
    ),
    _row(
        "GET",
        "/nodes",
        "configNodes",
        "What every node has in place of the entries.",
        rollouts.nodes,
        rolling.NodesView,
        rolling.NodesQuery,
    ),
    _row(
        "POST",
        "/rollout",
        "configRolloutStart",
        "Roll a new version of an entry out.",
        rollouts.start,
        rolling.StartedView,
        rolling.RolloutRequest,
    ),
    _row(
        "POST",
        "/rollout/steer",
        "configRolloutSteer",
        "Pause, resume or abort a rollout.",
        rollouts.steer,
        rolling.RolloutView,
        rolling.SteerRequest,
    ),
)
