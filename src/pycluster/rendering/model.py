"""What is to be done for a rendered file, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Protocol

import msgspec

from pycluster import judging
from pycluster.kernel.errors import PyClusterError

#: The acts of the plan: render a batch (``Work``), put files in their places (their templates' names, a line each).
RENDER = "render-files"
PLACE = "place-file"
#: Of the reporting plan: probe what is in place (its template's name).
PROBE = "probe-file"

State = Literal["in-place", "failed", "waiting", "elsewhere"]
Did = Literal["written", "unchanged", "reloaded", "would-change"]


class FileProblem(PyClusterError):
    """A file is not what it should be; the one before stands, complete, or none where there was none."""


class Wanted(msgspec.Struct, frozen=True):
    """One template to render: its ``text``, or where that is None the local file named in its settings.

    ``version``: of the entry that the text is from, 0 for a file. ``entry``: that entry, an override where one counts;
    ``staged``: its text is not in force yet, but released for this node. ``problem``: it cannot be rendered.
    """

    name: str
    text: str | None = None
    version: int = 0
    problem: str = ""
    entry: str = ""
    staged: bool = False


class Around(msgspec.Struct, frozen=True):
    """Who there is, as templates see it; ``node`` is this one."""

    node: judging.Place
    members: tuple[judging.Place, ...]
    leader: str


class Work(msgspec.Struct, frozen=True):
    """A batch to render: templates, and all that they may see. ``keys`` in their order, each with
    the revision of its last change; ``sources``: those revisions of the entries that the templates are from.
    """

    wanted: tuple[Wanted, ...]
    keys: tuple[tuple[bytes, bytes, int], ...]
    sources: dict[bytes, int]
    around: Around


class Placed(msgspec.Struct, frozen=True):
    """What was done to bring a file in place."""

    did: Did


class FileView(msgspec.Struct, frozen=True):
    """One rendered file at this node. ``wanted`` and ``placed``: the first digits of the SHA-256 of what it should be
    and of what it is, as far as this agent knows. ``version``: of the entry it was rendered from, 0 for a local file;
    ``placed_version``: of what is in place, 0 for a local file and where this agent does not know.

    ``since_ms``: Unix time since when it stands as it is; ``retry_ms``: when a failure is tried again; 0 for none.
    ``elsewhere``: it is not for this node.
    """

    name: str
    destination: str
    state: State
    source: str
    version: int = 0
    wanted: str = ""
    placed: str = ""
    since_ms: int = 0
    problem: str = ""
    retry_ms: int = 0
    placed_version: int = 0


class FilesView(msgspec.Struct, frozen=True):
    """The rendered files of one node, by name."""

    node: str
    files: tuple[FileView, ...]


class RenderRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Render a file now, at this node; ``dry_run``: check it too, and leave what stands there."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
    dry_run: bool = False


class RenderView(msgspec.Struct, frozen=True):
    """What came of it: ``content`` as rendered, ``before`` what stood there, None for no file.

    ``withheld``: why this caller is told neither, which are empty then; empty where it is told both.
    """

    name: str
    destination: str
    did: Did
    content: str
    before: str | None = None
    withheld: str = ""


class RenderedFiles(Protocol):
    """One agent's door to its rendered files."""

    def views(self) -> FilesView:
        """All of them."""
        ...

    async def render(self, request: RenderRequest, *, timeout_s: float = 30.0, whole: bool = True) -> RenderView:
        """One of them, now; unless ``whole``, without contents that not every user of this machine may read.

        Raises ``LocalMisuse`` for an unknown one, ``FileProblem``, ``StateFailed``.
        """
        ...


def names_of(wanted: Iterable[Wanted]) -> str:
    """The first few, for a line."""
    names = [one.name for one in wanted]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
