"""The one table of everything this agent answers to: the router and the OpenAPI document are both made from it."""

from __future__ import annotations

from typing import Any

from pycluster.node.ports import Outcome
from pycluster.node.view import (
    ErrorView,
    Explanation,
    HealthView,
    LeaderView,
    MemberView,
    RaftStatusView,
    ReadyView,
    StatusView,
    VersionView,
)
from pycluster.web import api, origin, pages
from pycluster.web.authorise import Action
from pycluster.web.configroutes import CONFIG_OPERATIONS
from pycluster.web.operations import Handler, Operation, Query
from pycluster.web.stateroutes import STATE_OPERATIONS
from pycluster.web.views import (
    AddVoterRequest,
    ForceLeaveRequest,
    JoinRequest,
    LeaveRequest,
    RemoveVoterRequest,
    ReplaceVoterRequest,
    TagsRequest,
    TransferRequest,
)

_V1 = "/api/v1"
_ALWAYS: dict[int, object] = {400: ErrorView, 403: ErrorView, 421: ErrorView, 500: ErrorView}
_MISSING: dict[int, object] = {404: ErrorView}
_BUSY: dict[int, object] = {503: ErrorView}
_CHANGE: dict[int, object] = {200: Outcome, 409: Outcome, 413: ErrorView, 415: ErrorView, 503: ErrorView}
_INTEGER: dict[str, object] = {"type": "integer", "minimum": 0}


def _get(
    path: str,
    name: str,
    about: str,
    handler: Handler,
    answer: object,
    also: dict[int, object] | None = None,
    query: tuple[Query, ...] = (),
) -> Operation:
    answers = {200: answer} | (also or {}) | _ALWAYS
    return Operation(method="GET", path=path, name=name, about=about, handler=handler, answers=answers, query=query)


def _change(path: str, action: Action, about: str, handler: Handler, body: type, *, put: bool = False) -> Operation:
    return Operation(
        method="PUT" if put else "POST",
        path=path,
        name=action,
        about=f"{about} Only over the Unix socket, or from this machine over loopback.",
        handler=handler,
        answers=_CHANGE | _ALWAYS,
        action=action,
        body=body,
    )


_EVENTS_QUERY = (
    Query("after", "Begin after the event of this number; the header Last-Event-ID wins.", _INTEGER),
    Query(
        "snapshot",
        "1: send the status first, and again when something changed.",
        {"type": "string", "enum": ["0", "1"]},
    ),
)
_EXPLAIN_QUERY = (
    Query("question", "What to explain.", {"type": "string", "enum": ["leader", "node"]}, required=True),
    Query("name", "The node, for question=node."),
)

OPERATIONS: tuple[Operation, ...] = (
    _get(f"{_V1}/status", "status", "Everything on one sheet.", api.status, StatusView),
    _get(f"{_V1}/members", "members", "Every member this node knows.", api.members, tuple[MemberView, ...]),
    _get(f"{_V1}/members/{{name}}", "member", "One member.", api.member, MemberView, _MISSING),
    _get(f"{_V1}/leader", "leader", "Who leads; an empty name while nobody does.", api.leader, LeaderView),
    _get(f"{_V1}/raft", "raft", "The voters, this node's copy of the state, its disk.", api.raft, RaftStatusView),
    _get(
        f"{_V1}/health", "health", "This node's health; 503 when critical.", api.health, HealthView, {503: HealthView}
    ),
    _get(
        f"{_V1}/ready", "ready", "Whether this node knows a leader; else 503.", api.ready, ReadyView, {503: ReadyView}
    ),
    _get(f"{_V1}/version", "version", "Versions of the agent and what it speaks.", api.version, VersionView),
    _get(
        f"{_V1}/events",
        "events",
        "The event stream (server-sent events).",
        api.events,
        "text/event-stream",
        _BUSY,
        _EVENTS_QUERY,
    ),
    _get(
        f"{_V1}/explain",
        "explain",
        "Why: an answer with its evidence.",
        api.explain,
        Explanation,
        _MISSING,
        _EXPLAIN_QUERY,
    ),
    _get(f"{_V1}/settings", "settings", "The effective settings and their sources.", api.settings, dict[str, Any]),
    _get(f"{_V1}/openapi.json", "openapi", "This document.", api.openapi, dict[str, Any]),
    _change(f"{_V1}/leave", "leave", "Give up the seat, say goodbye and stop.", api.leave, LeaveRequest),
    _change(f"{_V1}/join", "join", "Contact these hosts too.", api.join, JoinRequest),
    _change(f"{_V1}/force-leave", "force-leave", "Count a down node as left.", api.force_leave, ForceLeaveRequest),
    _change(f"{_V1}/raft/transfer", "raft-transfer", "Hand leadership to a voter.", api.transfer, TransferRequest),
    _change(f"{_V1}/raft/add", "raft-add", "Let a member learn the log, then vote.", api.add_voter, AddVoterRequest),
    _change(f"{_V1}/raft/remove", "raft-remove", "Take a voter's seat away.", api.remove_voter, RemoveVoterRequest),
    _change(
        f"{_V1}/raft/replace",
        "raft-replace",
        "Let a member learn the log, then vote in a voter's place.",
        api.replace_voter,
        ReplaceVoterRequest,
    ),
    _change(f"{_V1}/tags", "tags", "Replace the local member's tags.", api.set_tags, TagsRequest, put=True),
    *STATE_OPERATIONS,
    *CONFIG_OPERATIONS,
    _get("/metrics", "metrics", "Metrics in Prometheus' text format.", api.metrics, "text/plain"),
    _get("/api/status", "originStatus", "The origin's status.", origin.status, origin.StatusReply),
    _get("/api/nodes", "originNodes", "The origin's nodes.", origin.nodes, origin.NodesReply),
    _get("/api/leader", "originLeader", "The origin's leader.", origin.leader, origin.LeaderReply),
    _get(
        "/api/node",
        "originNode",
        "One of the origin's nodes.",
        origin.node,
        origin.NodeReply,
        _MISSING,
        (Query("id", "The node's name.", required=True),),
    ),
    _get("/", "page", "The page.", pages.page, "text/html", _MISSING),
    _get("/static/{path}", "static", "A file of the page.", pages.static, "application/octet-stream", _MISSING),
)
