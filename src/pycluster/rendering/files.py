"""The controller of rendered files: which are to be rendered and put in their places. Runs on every node."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pycluster.controllers import Act, Kind, Plan, View
from pycluster.rendering.marks import Marks
from pycluster.rendering.model import PLACE, RENDER, Work, names_of
from pycluster.rendering.params import Params
from pycluster.rendering.shelf import Shelf
from pycluster.rendering.sight import Sight, interests, intervals, selects
from pycluster.settings import Template

_TOO_MANY = "with its keys there are more than this node's templates may see together; give it narrower keys"


class Rendering:
    """See ``docs/protocol/rendering.md``. The plan is a function of the view, the time and ``shelf``."""

    name = "rendered-files"
    kind: Kind = "node"
    wants_members = True

    def __init__(self, templates: tuple[Template, ...], shelf: Shelf, node: str, params: Params | None = None) -> None:
        self._templates = templates
        self._shelf = shelf
        self._params = params or Params()
        self.gap_ms = self._params.gap_ms
        self._node = node
        #: Those whose keys are not watched, for there are too many, until that Unix time in ms; and how many were seen.
        self._left_out: dict[str, int] = {}
        self._until_ms = 0
        self.interests = interests(templates, node)

    def yields(self, keys: Iterable[bytes], now_ms: int) -> bool:
        """Do without the template that may see most of ``keys`` for as long as the longest pause after a failure.

        Who had seemed to see most, and saw fewer than this one, is back: it was read before this one.
        """
        marks = Marks(dict.fromkeys(keys, 0))
        seen = {
            one.name: sum(len(marks.between(*pair)) for pair in intervals(one))
            for one in self._templates
            if one.name not in self._left_out
        }
        most = max(seen, key=seen.__getitem__, default="")
        if not seen.get(most):
            return False
        self._until_ms = now_ms + self._params.retry_max_ms
        self._leave_out(
            {name: count for name, count in self._left_out.items() if count >= seen[most]} | {most: seen[most]}
        )
        return True

    def whole(self) -> None:
        """Watch the keys of all templates again."""
        self._leave_out({})

    def _leave_out(self, names: dict[str, int]) -> None:
        self._left_out = names
        self.interests = interests((one for one in self._templates if one.name not in names), self._node)

    def plan(self, view: View, now_ms: int) -> Plan:
        """Render, in one batch where its bounds leave that, what was never rendered, what read something that changed,
        what failed and is due; put in place what was rendered and did not get there.

        A file that is not for this node any more is dropped from the shelf.
        """
        member = next((one for one in view.members if one.local), None)
        if member is None:
            return Plan()
        if self._left_out and not now_ms < self._until_ms <= now_ms + self._params.retry_max_ms:
            return Plan(afresh=True)
        sight = Sight(view.keys, member, view.members, view.leader)
        due: list[Template] = []
        ready: list[Template] = []
        gone: list[Template] = []
        later = [self._until_ms] if self._left_out else []
        for template in self._templates:
            standing = self._shelf.of(template.name)
            if not selects(template, member):
                gone += [template] if standing is not None else []
            elif standing is None or standing.fingerprint != sight.fingerprint(template, standing.reads):
                due.append(template)
            elif standing.content is not None:
                # A watch ended, or who asked for it went away, between its rendering and its place.
                ready.append(template)
            elif standing.retry_ms:
                due += [template] if self._shelf.due(standing, now_ms) else []
                later.append(standing.retry_ms)
        left = (*_places(gone), *_places(ready))
        if not due:
            return Plan(left, now_ms + self._params.retry_min_ms if ready else min(later, default=None))
        limit_ms = self._params.render_timeout_ms
        batches = tuple(
            Act(f"render {names_of(work.wanted)}", RENDER, msgspec.msgpack.encode(work), limit_ms)
            for work in self._works(sight, due)
        )
        # What fails is known, with the time of its next try, only when this plan was performed.
        return Plan((*left, *batches, *_places(due)), now_ms + self._params.retry_min_ms)

    def _works(self, sight: Sight, due: list[Template]) -> tuple[Work, ...]:
        out = [one for one in due if one.name in self._left_out]
        works = sight.works((one for one in due if one.name not in self._left_out), self._params)
        return (*([sight.troubled(out, _TOO_MANY)] if out else []), *works)


def _places(templates: list[Template]) -> tuple[Act, ...]:
    """One act for all that share a reload, so that it runs once, and one for each other file."""
    together: dict[object, list[Template]] = {}
    for one in templates:
        together.setdefault((one.reload, one.timeout_s) if one.reload else one.name, []).append(one)
    return tuple(_place(group) for group in together.values())


def _place(group: list[Template]) -> Act:
    # A check and two reloads, of what is new and of what is put back, for each alone and for all, and the disk.
    limit_ms = int((3 * len(group) + 2) * group[0].timeout_s * 1_000) + 20_000
    what = f"put {', '.join(one.destination for one in group[:3])} in place"
    return Act(what, PLACE, "\n".join(one.name for one in group).encode(), limit_ms)
