"""``config``: entries of the configuration, changed."""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import socket
import subprocess
import tempfile

import click

from pycluster.cli import targets
from pycluster.cli.command import Verb
from pycluster.cli.configrollouts import StrategyType, begun, told
from pycluster.cli.configs import NAME, content_of, painted
from pycluster.cli.exits import Exit, NothingFound
from pycluster.cli.given import Given, pass_given
from pycluster.cli.options import AGENT, FORM, YES, takes
from pycluster.cli.output import Printer
from pycluster.cli.streams import attended
from pycluster.client import NotFound
from pycluster.client.blocking import StateClient
from pycluster.configs import ChangedView, EntryView, Wanted, parse, unified
from pycluster.judging import Format
from pycluster.kernel.errors import LocalFault, PyClusterError, Refused
from pycluster.rollouts import StartedView, Strategy

FORMAT = click.option(
    "-format", "--format", type=click.Choice(("text", "json", "yaml", "toml")), help="Not what the name's ending says."
)
AUTHOR = click.option("-author", "--author", metavar="WHO", help="Who changes it; without it, you on this machine.")
REASON = click.option("-m", "-reason", "--reason", metavar="WORDS", default="", help="Why; the history tells it.")
IF_VERSION = click.option(
    "-if-version", "--if-version", type=click.IntRange(0), metavar="N", help="Only if it has version N; 0: none yet."
)
DRY_RUN = click.option("-dry-run", "--dry-run", is_flag=True, help="Check and show what would change; change nothing.")
ROLLOUT = click.option(
    "-rollout", "--rollout", "strategy", type=StrategyType(), metavar="HOW", help="Some nodes at a time."
)
WAIT = click.option("-wait", "--wait", "patient", is_flag=True, help="Until the rollout is over.")
CONTENT = click.argument("file", required=False, metavar="[FILE|-]")


def author_of(given: str | None) -> str:
    """Who is said to have made a change."""
    if given is not None:
        return given
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return f"uid {os.getuid()}@{socket.gethostname()}"


def words(change: ChangedView) -> str:
    """What became of an entry, in one line."""
    match change.action:
        case "created":
            return f"{change.name}: created as version {change.version}"
        case "changed":
            return f"{change.name}: version {change.version} (it was {change.before})"
        case "deleted":
            return f"{change.name}: deleted, which is version {change.version}"
        case _:
            return f"{change.name}: unchanged" + (f", version {change.version}" if change.version else "")


def _told(printer: Printer, change: ChangedView, before: str | None = None, after: str = "") -> int:
    """Print it; ``before`` is given where nothing was changed but only looked at."""
    lines = [] if printer.quiet else [words(change)]
    if before is not None:
        lines += painted(printer, unified(before, after, f"{change.name} version {change.before}", "as it would be"))
    printer.answer(change, lines=lambda: lines, names=[change.name])
    return Exit.DONE


def _current(asked: StateClient, name: str) -> EntryView | None:
    try:
        return asked.configs.get(name)
    except NotFound:
        return None


@click.command("put", cls=Verb)
@takes(*AGENT, *FORM)
@FORMAT
@AUTHOR
@REASON
@IF_VERSION
@DRY_RUN
@ROLLOUT
@WAIT
@NAME
@CONTENT
@pass_given
def put(
    given: Given,
    entry: str,
    file: str | None,
    format: Format | None,
    author: str | None,
    reason: str,
    if_version: int | None,
    dry_run: bool,
    strategy: Strategy | None,
    patient: bool,
) -> int:
    """Write NAME from FILE, or from standard input. What its format or a schema forbids is told, and ends with 2.

    With -rollout nodes get it in batches: `canary=1,batch=25%`, `soak=30s`, `timeout=60s`, `failures=0`,
    `on-failure=pause`, or `all`. With -wait, too, it ends with 1 where that was stopped.
    """
    printer = Printer(given)
    if patient and strategy is None:
        raise click.UsageError("-wait needs -rollout")
    content = content_of(file)
    wanted = Wanted(name=entry, content=content, format=format, if_version=if_version)
    with StateClient(*targets.chosen(given, targets.CHANGE_S)) as asked:
        before = _current(asked, entry) if dry_run else None
        if strategy is not None:
            said = {
                "format": format,
                "author": author_of(author),
                "reason": reason,
                "if_version": if_version,
                "dry_run": dry_run,
            }
            started = asked.rollouts.start(entry, content, strategy, **said)  # type: ignore[arg-type]
            return _rolled(printer, asked, started, patient, before, content)
        done = asked.configs.change((wanted,), author=author_of(author), reason=reason, dry_run=dry_run)
    shown = (before.content if before is not None else "") if dry_run else None
    return _told(printer, done.changes[0], shown, content)


def _rolled(
    printer: Printer, asked: StateClient, started: StartedView, patient: bool, before: EntryView | None, content: str
) -> int:
    """Tell of a rollout that was begun, or that there was nothing to begin; ``patient``: of its end."""
    if started.rollout is None:
        return _told(printer, started.change, before.content if before is not None else None, content)
    if not patient:
        lines = begun(printer, started)
        printer.answer(started, lines=lambda: lines, names=[started.change.name])
        return Exit.DONE
    return told(printer, asked.rollouts.wait(started.change.name, started.rollout.version))


@click.command("validate", cls=Verb)
@takes(*AGENT, *FORM)
@FORMAT
@NAME
@CONTENT
@pass_given
def validate(given: Given, entry: str, file: str | None, format: Format | None) -> int:
    """Whether FILE would be accepted as NAME. It is `put` without writing. Ends with 2 where not."""
    printer = Printer(given)
    wanted = Wanted(name=entry, content=content_of(file), format=format)
    with StateClient(*targets.chosen(given, targets.CHANGE_S)) as asked:
        change = asked.configs.change((wanted,), dry_run=True).changes[0]
    lines = [] if printer.quiet else [f"{entry}: no mistakes"]
    printer.answer(change, lines=lambda: lines, names=[entry])
    return Exit.DONE


@click.command("edit", cls=Verb)
@takes(*AGENT, *FORM)
@FORMAT
@AUTHOR
@REASON
@NAME
@pass_given
def edit(given: Given, entry: str, format: Format | None, author: str | None, reason: str) -> int:
    """Change NAME in an editor: $VISUAL or $EDITOR.

    What comes of it is written, unless somebody else changed the entry meanwhile.
    """
    printer = Printer(given)
    ending = os.path.splitext(parse(entry).path.rpartition("/")[2])[1]
    with StateClient(*targets.chosen(given, targets.CHANGE_S)) as asked:
        before = _current(asked, entry)
        path = _draft(ending, before.content.encode() if before is not None else b"")
        _open_editor(path)
        content = content_of(path)
        version = before.version if before is not None else 0
        wanted = Wanted(name=entry, content=content, format=format, if_version=version)
        try:
            if before is None and not content:
                raise Refused("nothing was written", why="there is no such entry, and the file is empty")
            done = asked.configs.change((wanted,), author=author_of(author), reason=reason)
        except PyClusterError:
            printer.note(f"what you wrote is kept in {path}")
            raise
    _remove(path)
    return _told(printer, done.changes[0])


def _draft(ending: str, content: bytes) -> str:
    """A new file for the editor."""
    path = ""
    try:
        file, path = tempfile.mkstemp(prefix="pycluster-", suffix=ending)
        with os.fdopen(file, "wb") as opened:
            opened.write(content)
    except OSError as error:
        _remove(path)
        why = error.strerror or str(error)
        raise LocalFault("nothing was changed: there is no file to edit", why=why, remedy="set TMPDIR") from None
    return path


def _remove(path: str) -> None:
    """Where the editor did not."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def _open_editor(path: str) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        code = subprocess.run([*shlex.split(editor), path], check=False).returncode
    except (OSError, ValueError) as error:
        _remove(path)
        raise LocalFault(f"{editor} cannot be run", why=str(error), remedy="set EDITOR") from None
    if code:
        _remove(path)
        raise Refused("nothing was changed", why=f"{editor} ended with {code}")


@click.command("rollback", cls=Verb)
@takes(*AGENT, *FORM)
@click.option("-to", "--to", type=click.IntRange(1), metavar="N", help="To version N, not to the one before.")
@AUTHOR
@REASON
@IF_VERSION
@DRY_RUN
@ROLLOUT
@WAIT
@NAME
@pass_given
def rollback(
    given: Given,
    entry: str,
    to: int | None,
    author: str | None,
    reason: str,
    if_version: int | None,
    dry_run: bool,
    strategy: Strategy | None,
    patient: bool,
) -> int:
    """Make an old version of NAME a new one. Ends with 3 when that version is not kept.

    With -rollout nodes get it in batches, as with `put`; with -wait, too, it ends with 1 where that was stopped.
    """
    printer = Printer(given)
    if patient and strategy is None:
        raise click.UsageError("-wait needs -rollout")
    with StateClient(*targets.chosen(given, targets.CHANGE_S)) as asked:
        if to is None:
            chosen, current = _before(asked, entry)
            # Somebody may write meanwhile: what is rolled back is what was looked at.
            if_version = current if if_version is None else if_version
        else:
            chosen = to
        before = _current(asked, entry) if dry_run else None
        after = asked.configs.get(entry, chosen) if dry_run or strategy is not None else None
        if strategy is not None and after is not None:
            if after.deleted:
                raise Refused(
                    f"version {chosen} of {entry} is a deletion, which is not rolled out",
                    remedy="leave -rollout out, or choose another with -to",
                )
            said = {"author": author_of(author), "reason": reason or f"rollback to version {chosen}"}
            more = {"format": after.format, "if_version": if_version, "dry_run": dry_run}
            started = asked.rollouts.start(entry, after.content, strategy, **said, **more)  # type: ignore[arg-type]
            return _rolled(printer, asked, started, patient, before, after.content)
        change = asked.configs.rollback(
            entry, chosen, author=author_of(author), reason=reason, if_version=if_version, dry_run=dry_run
        )
    shown = (before.content if before is not None else "") if dry_run else None
    return _told(printer, change, shown, after.content if after is not None else "")


def _before(asked: StateClient, entry: str) -> tuple[int, int]:
    """The version before the newest one, and the one in force, 0: none."""
    versions = asked.configs.history(entry)
    if len(versions) < 2:
        raise NothingFound(f"there is no version of {entry} before version {versions[0].version}")
    return versions[1].version, next((one.version for one in versions if one.current), 0)


@click.command("del", cls=Verb)
@takes(*AGENT, *FORM, YES)
@AUTHOR
@REASON
@IF_VERSION
@NAME
@pass_given
def delete(given: Given, entry: str, author: str | None, reason: str, if_version: int | None) -> int:
    """Delete NAME. Its history stays, and `rollback` brings it back. Ends with 3 without such an entry."""
    if not given.switch("yes") and attended() and not click.confirm(f"Delete {entry}?", err=True):
        raise Refused("nothing was changed")
    printer = Printer(given)
    with StateClient(*targets.chosen(given, targets.CHANGE_S)) as asked:
        change = asked.configs.delete(entry, author=author_of(author), reason=reason, if_version=if_version)
    if change.action == "unchanged":
        raise NothingFound(f"there is no entry {entry}", remedy="pycluster config list shows those there are")
    return _told(printer, change)
