"""What this agent knows of its rendered files. It is forgotten with the agent: a new one renders all, and looks."""

from __future__ import annotations

import msgspec

from pycluster import judging
from pycluster.rendering.model import FileView
from pycluster.rendering.params import Params
from pycluster.settings import Template


class Standing(msgspec.Struct):
    """One file. ``fingerprint``: of what its newest rendering read. ``content``: rendered and not in its place yet.

    ``wanted``, ``placed``: the SHA-256 of what it should be and of what is in its place, in hexadecimal.
    ``version`` and ``placed_version`` are those of ``entry``, which its text is from; ``staged``: it is rolled out.

    ``probed``: the version whose probe passed; ``probe``: why that of the one in place did not.
    """

    reads: judging.Reads = judging.Reads()
    fingerprint: bytes = b""
    content: bytes | None = None
    version: int = 0
    wanted: str = ""
    placed: str = ""
    since_ms: int = 0
    problem: str = ""
    failures: int = 0
    retry_ms: int = 0
    entry: str = ""
    staged: bool = False
    placed_version: int = 0
    probed: int = 0
    probe: str = ""
    probe_ms: int = 0


class Shelf:
    """All of them, by the template's name."""

    def __init__(self, params: Params | None = None) -> None:
        self._params = params or Params()
        self._standing: dict[str, Standing] = {}

    def of(self, name: str) -> Standing | None:
        """What is known of it; None before its first rendering."""
        return self._standing.get(name)

    def due(self, standing: Standing, now_ms: int) -> bool:
        """Whether a failed one is to be tried again: its time has come, or the clock was set back since it was told."""
        return not now_ms < standing.retry_ms <= now_ms + self._params.retry_max_ms

    def rendered(self, name: str, made: Standing) -> Standing:
        """A rendering is done; what stands in the file's place is as it was."""
        before = self._standing.get(name, Standing())
        made.placed, made.since_ms = before.placed, before.since_ms
        made.problem, made.failures = before.problem, before.failures
        if made.entry == before.entry:  # versions of another one are other versions
            made.placed_version, made.probed = before.placed_version, before.probed
        self._standing[name] = made
        return made

    def placed(self, name: str, since_ms: int) -> bool:
        """What was rendered is in its place, since that Unix time in ms; whether it had failed before."""
        one = self._standing[name]
        had_failed = bool(one.problem)
        one.placed, one.since_ms, one.placed_version = one.wanted, since_ms, one.version
        one.content, one.problem, one.failures, one.retry_ms = None, "", 0, 0
        return had_failed

    def failed(self, name: str, problem: str, now_ms: int) -> bool:
        """It is not, and is tried again later; whether that is news."""
        one = self._standing.setdefault(name, Standing())
        news = one.problem != problem
        one.content, one.problem = None, problem
        pause_ms = min(self._params.retry_min_ms << min(one.failures, 20), self._params.retry_max_ms)
        one.failures, one.retry_ms = one.failures + 1, now_ms + pause_ms
        return news

    def probed(self, name: str, problem: str, again_ms: int) -> None:
        """What is in place passed its probe, or did not, and is probed again at that Unix time in ms."""
        one = self._standing[name]
        one.probe, one.probe_ms = problem, again_ms
        if not problem:
            one.probed = one.placed_version

    def drop(self, name: str) -> bool:
        """Forget it; whether it had failed."""
        dropped = self._standing.pop(name, None)
        return dropped is not None and bool(dropped.problem)

    def view(self, template: Template, here: bool) -> FileView:
        """For people; ``here``: it is for this node."""
        one = self._standing.get(template.name, Standing())
        state: str = "elsewhere" if not here else "failed" if one.problem else "in-place" if one.placed else "waiting"
        return FileView(
            template.name,
            template.destination,
            state,  # type: ignore[arg-type]
            template.entry or template.source,
            one.version,
            one.wanted[:12],
            one.placed[:12],
            one.since_ms,
            one.problem,
            one.retry_ms,
            one.placed_version,
        )
