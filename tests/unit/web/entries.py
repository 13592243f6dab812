"""The configuration's entries of a fake agent, judged in its own process, and its rendered files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pycluster.configs import Configs
from pycluster.judging import Case, Verdict
from pycluster.judging.judge import judge
from pycluster.node.ports import StateStore
from pycluster.rendering import Did, FileProblem, FilesView, FileView, RenderRequest, RenderView

NOW_MS = 1_700_000_000_000


async def judged(cases: tuple[Case, ...]) -> tuple[Verdict, ...]:
    """What a child would say."""
    return judge(cases)


def entries(state: StateStore) -> Callable[[], Configs]:
    """What makes the door to them."""
    return lambda: Configs(state, judged, lambda: NOW_MS)


class FakeFiles:
    """A rendered file that is in place unless ``failed`` says why not, and a bad one whose check always fails;
    ``closed``: why not everybody is told what is in it.
    """

    failed = ""
    closed = ""

    def views(self) -> FilesView:
        web = FileView("web", "/etc/web.conf", "in-place", "web.j2", 3, "ab12", "ab12", 1)
        if self.failed:
            web = msgspec.structs.replace(web, state="failed", problem=self.failed, retry_ms=2)
        return FilesView("node001", (web,))

    async def render(self, request: RenderRequest, *, timeout_s: float = 30.0, whole: bool = True) -> RenderView:
        if request.name == "bad":
            raise FileProblem("the check failed", why="exit code 1")
        did: Did = "would-change" if request.dry_run else "written"
        if self.closed and not whole:
            return RenderView(request.name, "/etc/web.conf", did, "", withheld=self.closed)
        return RenderView(request.name, "/etc/web.conf", did, "new", "old")


def above(state: StateStore, files: FakeFiles) -> dict[str, Any]:
    """What a site serves above the state."""
    return {"configs": entries(state), "files": files}
