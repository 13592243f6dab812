"""The controller that reports what this node has in place of which entry, and probes it in rollouts. On every node."""

from __future__ import annotations

from pycluster import store
from pycluster.controllers import Act, Interest, Kind, Plan, Step, View, Write
from pycluster.rendering.model import PROBE
from pycluster.rendering.shelf import Shelf, Standing
from pycluster.rendering.sight import selects
from pycluster.rollouts import FileReport, Report, node_key, packed, unpacked
from pycluster.settings import Template

#: What a probe may take besides its own time, and more than lies between two tries, ms.
_ALLOWANCE_MS = 5_000
_UNPROBED = "it is not probed yet"
#: Characters of a reason: it goes to the whole cluster.
_REASON_MAX = 300


class Reporting:
    """See ``docs/protocol/rollouts.md``. The plan is a function of the view, the time and ``shelf``."""

    name = "config-report"
    kind: Kind = "node"
    wants_members = True
    gap_ms = 0

    def __init__(self, templates: tuple[Template, ...], shelf: Shelf, node: str) -> None:
        self._templates = tuple(one for one in templates if one.entry)
        self._shelf = shelf
        self._key = node_key(node)
        self.interests = (Interest(self._key),)

    def plan(self, view: View, now_ms: int) -> Plan:
        """Write what is not as it was said; probe what is due. Nothing is said before all was looked at once."""
        member = next((one for one in view.members if one.local), None)
        if member is None:
            return Plan()
        kv = view.keys.get(self._key)
        said = {one.template: one for one in unpacked(kv, Report).files} if kv is not None else {}
        files: list[FileReport] = []
        probes: list[Step] = []
        times: list[int] = []
        for template in self._templates:
            if not selects(template, member):
                continue
            standing = self._shelf.of(template.name)
            if standing is None:
                return Plan()
            before = said.get(template.name)
            if standing.content is not None:
                # Between rendering and placing: what was said is still so.
                files += [before] if before is not None else []
                continue
            unsure = "" if _passed(before, standing) else _unsure(template, standing)
            files.append(_file(template, standing, unsure, before, now_ms))
            # The clock may have been set back since the time was told.
            if unsure and not now_ms < standing.probe_ms <= now_ms + _ALLOWANCE_MS:
                limit_ms = int(template.timeout_s * 1_000) + _ALLOWANCE_MS
                probes.append(Act(f"probe {template.destination}", PROBE, template.name.encode(), limit_ms))
            times += [min(max(standing.probe_ms, now_ms), now_ms + _ALLOWANCE_MS)] if unsure else []
        steps = [*self._write(kv, Report(tuple(sorted(files, key=lambda one: one.template)))), *probes]
        return Plan(tuple(steps), min(times, default=None))

    def _write(self, kv: store.KeyValue | None, report: Report) -> list[Step]:
        value = packed(report)
        if (kv.value if kv is not None else packed(Report())) == value:
            return []
        compare = store.Compare(self._key, "mod", "equal", kv.mod_revision if kv is not None else 0)
        what = "report what is in place"
        if not report.files:
            return [Write(what, (compare,), (store.DeleteRange(self._key),))]
        return [Write(what, (compare,), (store.Put(self._key, value),))]


def _passed(before: FileReport | None, standing: Standing) -> bool:
    """Whether it was said of this very version that it works, perhaps by a former life: it is not asked again.

    What had a problem was not probed, whatever it was before.
    """
    if before is None or before.probe or before.problem:
        return False
    return (before.entry, before.placed) == (standing.entry, standing.placed_version)


def _unsure(template: Template, standing: Standing) -> str:
    """Why what is in place is not known to work; empty where it is, or nobody asks."""
    if not template.probe or not standing.staged or standing.problem or standing.probed == standing.placed_version:
        return ""
    return standing.probe or _UNPROBED


def _file(template: Template, standing: Standing, unsure: str, before: FileReport | None, now_ms: int) -> FileReport:
    entry = standing.entry or template.entry
    placed = standing.placed_version
    if before is not None and before.entry == entry and not placed:
        placed = before.placed  # a new life could not put anything in place, so it is what it was
    same = before is not None and (before.entry, before.placed) == (entry, placed)
    since_ms = before.since_ms if same and before is not None else now_ms if placed else 0
    return FileReport(
        template.name, entry, standing.version, placed, since_ms, standing.problem[:_REASON_MAX], unsure[:_REASON_MAX]
    )
