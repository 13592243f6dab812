"""``snapshot``: the replicated state in a file, and back."""

from __future__ import annotations

import datetime
import os
import shlex
import socket
import sys
import time
from collections.abc import Sequence

import click
import msgspec

from pycluster.cli import targets
from pycluster.cli.command import Verb, Verbs
from pycluster.cli.exits import Exit
from pycluster.cli.given import Given, pass_given
from pycluster.cli.options import AGENT, FORM, takes
from pycluster.cli.output import Printer
from pycluster.store import Manifest, Params

PLACES = {
    "save": "pycluster.cli.snapshots:save",
    "inspect": "pycluster.cli.snapshots:inspect",
    "restore": "pycluster.cli.snapshots:restore",
}
#: What takes longer is shown on a terminal.
_QUICK_S = 1.0
_SHOW_EVERY_S = 0.2
FILE = click.argument("file", type=click.Path(dir_okay=False), metavar="FILE")


class Inspected(msgspec.Struct):
    """What ``snapshot inspect`` prints. ``compacted``: the oldest revision that can be read; 0: all can."""

    file: str
    hash: str
    sha256: str
    cluster: str
    cluster_uuid: str
    made_by: str
    made_at: str
    version: str
    voters: Sequence[str]
    revision: int
    compacted: int
    keys: int
    leases: int
    state_bytes: int
    file_bytes: int
    term: int
    index: int


class Saved(msgspec.Struct):
    """What ``snapshot save`` prints."""

    file: str
    revision: int
    file_bytes: int
    cluster: str
    cluster_uuid: str


@click.group("snapshot", cls=Verbs, places=PLACES, no_args_is_help=False)
@takes(*AGENT, *FORM)
def snapshot() -> None:
    """The replicated state in a file, and back."""


class _Progress:
    """How far it is, on a terminal, once it takes longer than a moment."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown
        self._next = time.monotonic() + _QUICK_S
        self._printed = False
        self.manifest: Manifest | None = None

    def __call__(self, length: int, manifest: Manifest) -> None:
        self.manifest = manifest
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + _SHOW_EVERY_S
            self._printed = True
            of = f" of about {manifest.size_bytes / 1e6:.1f}" if manifest.size_bytes > length else ""
            print(f"\r{length / 1e6:.1f}{of} MB ", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """The line is over."""
        if self._printed:
            print(file=sys.stderr, flush=True)


@click.command("save", cls=Verb)
@takes(*AGENT, *FORM)
@click.option(
    "-serializable", "--serializable", is_flag=True, help="The agent's copy as it is; needs no quorum, may be behind."
)
@click.option("-force", "--force", is_flag=True, help="Write over FILE.")
@FILE
@pass_given
def save(given: Given, file: str, serializable: bool, force: bool) -> int:
    """Write the whole state at one revision to FILE, with everything that was answered before. Ask a voter's agent."""
    from pycluster.kernel.errors import Refused
    from pycluster.storage import archives

    printer = Printer(given)
    if os.path.lexists(file) and not force:
        raise Refused(f"{file} is there already", remedy="choose another name, or add --force")
    if os.path.lexists(file) and not os.path.isfile(file):
        # It would be removed: a snapshot is written beside and takes the name when it is whole.
        raise Refused(f"{file} is no regular file", remedy="name one, or one that is not there yet")
    asked = targets.client(given)
    progress = _Progress(sys.stderr.isatty() and not printer.quiet)
    try:
        length = archives.write(file, asked.snapshot(serializable=serializable), progress)
    finally:
        progress.end()
    manifest = progress.manifest
    assert manifest is not None, "a whole one has it"
    done = Saved(file, manifest.revision, length, manifest.cluster, manifest.cluster_uuid)
    said = f"saved revision {done.revision} of {done.cluster} to {file}, {length} bytes"
    printer.answer(done, lines=lambda: [] if printer.quiet else [said], names=[file])
    return Exit.DONE


@click.command("inspect", cls=Verb)
@takes(*AGENT, *FORM)
@FILE
@pass_given
def inspect(given: Given, file: str) -> int:
    """What is in FILE, read to its end. Ends with 1 when it is damaged or cut short."""
    from pycluster.storage import archives

    printer = Printer(given)
    whole = archives.read(file, Params(state_max_bytes=1 << 31))
    manifest, state = whole.manifest, whole.state
    found = Inspected(
        file=file,
        hash="ok",
        sha256=whole.sha256,
        cluster=manifest.cluster,
        cluster_uuid=manifest.cluster_uuid,
        made_by=manifest.name,
        made_at=moment(manifest.made_ms),
        version=manifest.version,
        voters=manifest.voters,
        revision=state.revision,
        compacted=state.compact_revision,
        keys=state.keyspace.count(b"", None),
        leases=len(state.lease_ids()),
        state_bytes=state.size_bytes,
        file_bytes=whole.file_bytes,
        term=manifest.term,
        index=manifest.index,
    )

    def lines() -> list[str]:
        return printer.facts(
            [
                ("Hash", (f"ok, sha256 {found.sha256}", "green")),
                ("Cluster", f"{found.cluster} ({found.cluster_uuid})"),
                ("Voters", ", ".join(found.voters)),
                ("Made", f"{found.made_at} at {found.made_by}, version {found.version}"),
                ("Revision", f"{found.revision}, readable from {max(found.compacted, 1)}"),
                ("Keys", f"{found.keys}"),
                ("Leases", f"{found.leases}"),
                ("Size", f"{found.state_bytes} bytes of state, {found.file_bytes} of file"),
                ("Log", f"entry {found.index} of term {found.term}"),
            ]
        )

    printer.answer(found, lines=lines, names=[file])
    return Exit.DONE


def moment(made_ms: int) -> str:
    """When that was, of Unix time in milliseconds."""
    return datetime.datetime.fromtimestamp(made_ms / 1_000, datetime.UTC).isoformat(timespec="seconds")


@click.command("restore", cls=Verb)
@takes(*AGENT, *FORM)
@click.option("-token", "--token", metavar="TEXT", default="", help="What the first voter's restore printed.")
@click.option(
    "-bump-revision",
    "--bump-revision",
    "bump",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Go on N revisions later, everything before compacted; the same N on every voter.",
)
@click.option(
    "-force",
    "--force",
    is_flag=True,
    help="Move a state that is there into the folder replaced.N in the data directory.",
)
@FILE
@pass_given
def restore(given: Given, file: str, token: str, bump: int, force: bool) -> int:
    """Give this voter's data directory the state in FILE, its agent being stopped.

    Run it on every voter that [nodes] lists, with the same FILE: the first prints the token that the others need. They
    found a new cluster, with a new UUID, once a majority of them runs.
    """
    from pycluster.agent import data_directory, offline
    from pycluster.settings import load
    from pycluster.storage import archives

    printer = Printer(given)
    flags = {name: given.text(name) for name in ("name", "data_dir") if given.text(name)}
    loaded = load(given.config(os.environ), os.environ, flags, socket.gethostname())
    whole = archives.read(file, offline.store_params(loaded))
    given_token = token or offline.new_token()
    done = offline.restore(loaded, data_directory(loaded.settings), whole, given_token, bump, force=force)

    def lines() -> list[str]:
        others = [name for name in done.voters if name != done.node]
        moved = f"what was there is in {done.replaced}" if done.replaced else ""
        said = printer.facts(
            [
                ("Restored", f"revision {done.revision} with {done.keys} keys"),
                ("Node", f"{done.node} in {done.cluster}, data directory {done.directory}"),
                ("Voters", ", ".join(done.voters)),
                ("Token", done.token),
                ("Before", moved),
            ]
        )
        if others and not token:
            more = f" --bump-revision {bump}" if bump else ""
            more += " --force" if force else ""
            more += f" -config {shlex.quote(given.text('config'))}" if given.text("config") else ""
            said += ["", f"On each of {', '.join(others)}, with the same file, before any agent starts:"]
            said += [f"  pycluster snapshot restore {os.path.basename(file)} --token {done.token}{more}"]
        return said

    printer.answer(done, lines=lambda: [] if printer.quiet else lines(), names=[done.directory])
    return Exit.DONE
