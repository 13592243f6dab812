"""What the leader's controller sees of rollouts, decoded; what did not change is not decoded again."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pycluster import store
from pycluster.controllers import View
from pycluster.rollouts.lanes import Field
from pycluster.rollouts.model import Release, Report, Run, Staged, unpacked
from pycluster.rollouts.names import NODES, RELEASES, RUNS, STAGED, of_key, of_release

#: An entry's name and the version that is rolled out.
Which = tuple[str, int]


class Seen(msgspec.Struct, frozen=True):
    """All of it at one moment. Values with the revision of their last change."""

    runs: Mapping[Which, tuple[Run, int]]
    staged: Mapping[Which, store.KeyValue]
    releases: Mapping[Which, dict[str, tuple[Release, store.KeyValue]]]
    reports: Mapping[str, tuple[Report, store.KeyValue]]
    states: Mapping[str, str]

    def field(self, which: Which) -> Field:
        """What is known around one of them."""
        releases = {node: release for node, (release, _) in self.releases.get(which, {}).items()}
        return Field(releases, {node: report for node, (report, _) in self.reports.items()}, self.states)


class Reader:
    """Decodes views; a memory of the last one makes the next one quick and changes nothing."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, Run | Release | Report]] = {}

    def read(self, view: View) -> Seen:
        """Raises ``LocalFault`` or ``ValueError`` where somebody else wrote."""
        known: dict[bytes, tuple[int, Run | Release | Report]] = {}
        runs: dict[Which, tuple[Run, int]] = {}
        staged: dict[Which, store.KeyValue] = {}
        releases: dict[Which, dict[str, tuple[Release, store.KeyValue]]] = {}
        reports: dict[str, tuple[Report, store.KeyValue]] = {}
        for key, kv in view.keys.items():
            if key.startswith(STAGED):
                staged[of_key(key)] = kv
                continue
            had = self._known.get(key)
            value = had[1] if had is not None and had[0] == kv.mod_revision else _decoded(kv)
            known[key] = (kv.mod_revision, value)
            match value:
                case Run():
                    runs[value.name, value.version] = (value, kv.mod_revision)
                case Release():
                    node, name, version = of_release(key)
                    releases.setdefault((name, version), {})[node] = (value, kv)
                case Report():
                    reports[key.removeprefix(NODES).decode()] = (value, kv)
        self._known = known
        return Seen(runs, staged, releases, reports, {one.name: one.state for one in view.members})


def staged_in(kv: store.KeyValue) -> Staged:
    """Both texts of a rollout."""
    return unpacked(kv, Staged)


def _decoded(kv: store.KeyValue) -> Run | Release | Report:
    if kv.key.startswith(RUNS):
        return unpacked(kv, Run)
    if kv.key.startswith(RELEASES):
        return unpacked(kv, Release)
    if kv.key.startswith(NODES):
        return unpacked(kv, Report)
    raise ValueError(f"{kv.key!r} is no key of a rollout")
