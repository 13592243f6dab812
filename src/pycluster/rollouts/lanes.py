"""Where each node of a rollout stands. Pure: the leader decides by it, and it is what people are shown."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pycluster.rollouts.model import STOPPED, FileReport, Lane, LaneState, Release, Report, Run


class Field(msgspec.Struct, frozen=True):
    """What is known around one rollout: its releases and all reports, by node; what members are (``alive``,
    ``suspect``, ``down``, ``left``), none for a node that is not known.
    """

    releases: Mapping[str, Release]
    reports: Mapping[str, Report]
    states: Mapping[str, str]


def files_of(report: Report | None, name: str) -> tuple[FileReport, ...]:
    """The files that the entry is the text of."""
    return tuple(one for one in report.files if one.entry == name) if report is not None else ()


def lanes(run: Run, field: Field, now_ms: int) -> tuple[Lane, ...]:
    """All nodes that it concerns, in the order of their release, then by name."""
    if run.over:
        return run.lanes
    concerned = {node for node, report in field.reports.items() if files_of(report, run.name)}
    found = [_lane(node, run, field, now_ms) for node in concerned | set(field.releases)]
    return tuple(sorted(found, key=lambda one: (not one.batch, one.batch, one.node)))


def _lane(node: str, run: Run, field: Field, now_ms: int) -> Lane:
    files = files_of(field.reports.get(node), run.name)
    release, member = field.releases.get(node), field.states.get(node, "unknown")
    wanted = run.result if run.state in STOPPED else run.version if release is not None else run.before
    placed = min((one.placed for one in files), default=0)
    since_ms = max((one.since_ms for one in files), default=0)
    if release is None:
        # Who is stopped says goodbye, also when it is only restarted: "left" is no more final than "down".
        state: LaneState = "waiting" if member in ("alive", "suspect") else "absent"
        state = "untouched" if run.state in STOPPED else state
        return Lane(node, state, wanted=wanted, placed=placed, since_ms=since_ms)
    state, problem = _stopped(files, run) if run.state in STOPPED else _released(files, run)
    due_ms = (run.stopped_ms if run.state in STOPPED else release.at_ms) + int(run.strategy.timeout_s * 1_000)
    if state in ("changing", "returning") and due_ms <= now_ms:
        what = "it is not back" if state == "returning" else "it is not in place"
        away = "the node has left" if member == "left" else f"the node is {member}"
        more = f": {problem}" if problem else "" if member == "alive" else f": {away}"
        state, problem = "failed", f"{what} after {run.strategy.timeout_s:g} s{more}"
    return Lane(node, state, release.batch, release.at_ms, wanted, placed, since_ms, problem)


def _released(files: tuple[FileReport, ...], run: Run) -> tuple[LaneState, str]:
    if not files:
        return "gone", ""
    for one in files:
        if one.problem and one.wanted == run.version:
            return "failed", one.problem
    if any(one.placed != run.version for one in files):
        return "changing", ""
    unsure = next((one.probe for one in files if one.probe), "")
    return ("changing", unsure) if unsure else ("good", "")


def _stopped(files: tuple[FileReport, ...], run: Run) -> tuple[LaneState, str]:
    """Who looked at a later version is back, or never went: what fails its check leaves the file from before."""
    if not files:
        return "gone", ""
    here = [one for one in files if one.wanted <= run.version or one.placed == run.version]
    return ("returning", next((one.problem for one in here if one.problem), "")) if here else ("back", "")
