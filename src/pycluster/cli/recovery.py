"""``recover``: a cluster that lost its quorum for good goes on from one disk, as another cluster."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack

import click

from pycluster.agent import data_directory, offline
from pycluster.cli.command import Verb
from pycluster.cli.exits import Exit, printable
from pycluster.cli.given import Given, pass_given
from pycluster.cli.options import AGENT, FORM, YES, takes
from pycluster.cli.output import Printer
from pycluster.cli.streams import attended
from pycluster.kernel.errors import LocalFault, Refused
from pycluster.settings import load
from pycluster.storage import DataDirectory, settle


@click.command("recover", cls=Verb)
@takes(*AGENT, *FORM, YES)
@click.option("-dry-run", "--dry-run", is_flag=True, help="Only say what is there and what would be lost.")
@click.option("-accept-data-loss", "--accept-data-loss", is_flag=True, help="What --yes needs besides.")
@click.argument("others", nargs=-1, type=click.Path(file_okay=False), metavar="[OTHER_DIRECTORY]...")
@pass_given
def recover(given: Given, others: tuple[str, ...], dry_run: bool, accept_data_loss: bool) -> int:
    """Go on from one voter's disk as a new cluster.

    The last resort where a majority of the voters is lost for good. Run it on a voter that survived, its agent being
    stopped; it becomes a cluster by itself, to which the others are added anew.

    OTHER_DIRECTORY: copies of the data directories of other voters that survived, to be told which is the newest.
    """
    sure = given.switch("yes")
    if sure and not accept_data_loss and not dry_run:
        raise click.UsageError("--yes alone is not enough here: add --accept-data-loss")
    printer = Printer(given)
    flags = {name: given.text(name) for name in ("name", "data_dir") if given.text(name)}
    loaded = load(given.config(os.environ), os.environ, flags, socket.gethostname())
    params = offline.store_params(loaded)
    own = data_directory(loaded.settings)
    with ExitStack() as stack:
        owned = [_owned(path, stack) for path in (own, *others)]
        if not dry_run:
            settle(owned[0].path)
        mine, found, state = offline.examine(owned[0].path, params)
        survivors = [mine, *(offline.examine(each.path, params)[0] for each in owned[1:])]
        best = offline.newest(survivors)
        tables = printer.form in ("table", "wide")
        if tables:
            for line in _findings(printer, survivors, best):
                print(line)
        if dry_run:
            if not tables:
                printer.answer(survivors, lines=list, names=[one.directory for one in survivors])
            return Exit.DONE
        offline.check(survivors, best, loaded.settings.cluster, loaded.settings.name)
        if not sure:
            _confirm(mine.cluster)
        done = offline.recover(owned[0].path, mine, found, state, [one.term for one in survivors])
    said = [
        "",
        f"{done.node} is a cluster by itself now: UUID {done.cluster_uuid}, revision {done.revision}.",
        f"What was there is in {done.replaced}. Start its agent.",
    ]
    printer.answer(done, lines=lambda: [] if printer.quiet else said, names=[done.directory])
    return Exit.DONE


def _owned(path: str, stack: ExitStack) -> DataDirectory:
    if not os.path.isdir(path):
        raise LocalFault(f"there is no data directory {path}", remedy="name it with -data-dir")
    owned = DataDirectory.open(path)
    stack.callback(owned.close)
    return owned


def _findings(printer: Printer, survivors: list[offline.Survivor], best: offline.Survivor) -> list[str]:
    said: list[str] = []
    for one in survivors:
        newest = " (the newest)" if one is best and len(survivors) > 1 else ""
        said += printer.facts(
            [
                ("Directory", one.directory + newest),
                ("Node", f"{one.node} in {one.cluster} ({one.cluster_uuid})"),
                ("Voters", ", ".join(one.voters)),
                ("Term", f"{one.term}"),
                ("Log", f"ends with entry {one.index} of term {one.last_term}; surely committed up to {one.committed}"),
                ("State", f"revision {one.revision}, {one.keys} keys"),
            ]
        )
        said.append("")
    mine = survivors[0]
    others = [name for name in mine.voters if name != mine.node]
    unsure = mine.index - mine.committed
    kept = f"Kept are the last {unsure} entries of the log, which may be of writes that nobody was told are done."
    if not others:
        return [*said, kept, f"The new cluster has a new UUID and one voter, {mine.node}."]
    return [
        *said,
        "Lost is every write that the other voters have and this disk has not, though it was answered.",
        kept,
        f"The new cluster has a new UUID and one voter, {mine.node}. The others are not of it, and whatever they hold",
        "is refused. For each of them: stop its agent, move its data directory away, start it again, and here:",
        *(f"  pycluster raft add {printable(name)}" for name in others),
    ]


def _confirm(cluster: str) -> None:
    if not attended():
        raise click.UsageError("nobody can be asked here: add --yes --accept-data-loss, or run it in a terminal")
    typed = click.prompt(f"Type the cluster's name ({printable(cluster)}) to go on", err=True, default="")
    if typed != cluster:
        raise Refused("nothing was changed", why="that is not its name")
