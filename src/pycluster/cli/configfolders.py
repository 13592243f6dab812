"""``config import`` and ``config export``: a directory, of a Git repository perhaps, and the entries of the cluster."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

import click

from pycluster.cli import targets
from pycluster.cli.command import Verb
from pycluster.cli.configchanges import AUTHOR, DRY_RUN, REASON, author_of, words
from pycluster.cli.configs import PREFIX, decoded, painted
from pycluster.cli.exits import Exit, printable
from pycluster.cli.given import Given, pass_given
from pycluster.cli.options import AGENT, FORM, YES, takes
from pycluster.cli.output import Printer
from pycluster.cli.streams import attended
from pycluster.client import NotFound
from pycluster.client.blocking import StateClient
from pycluster.configs import TOGETHER_MAX, ChangedView, EntryView, Wanted, conditions, parse, unified
from pycluster.kernel.errors import LocalFault, LocalMisuse, PyClusterError, Refused

#: Of what is written in one step: entries, and bytes of their contents, which the state takes twice.
_TOGETHER = 32
_TOGETHER_BYTES = 400_000


class FolderUnfit(LocalMisuse):
    """Files that cannot be entries; ``problems`` has a line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("the directory cannot be imported", why="; ".join(problems))
        self.problems = ("the directory cannot be imported; nothing was changed:", *problems)


@click.command("import", cls=Verb)
@takes(*AGENT, *FORM, YES)
@click.option("-prune", "--prune", is_flag=True, help="Delete the entries (below PREFIX) that are not in DIR.")
@AUTHOR
@REASON
@DRY_RUN
@click.argument("directory", type=click.Path(exists=True, file_okay=False), metavar="DIR")
@PREFIX
@pass_given
def import_(
    given: Given, directory: str, prefix: str, prune: bool, author: str | None, reason: str, dry_run: bool
) -> int:
    """Make each file below DIR an entry. Its name is PREFIX and the file's path. What is the same already stays."""
    printer = Printer(given)
    files = _read(directory, prefix)
    who = author_of(author)
    with StateClient(*targets.chosen(given, targets.CHANGE_S)) as asked:
        there = {one.name: one for one in asked.configs.list(prefix)}
        gone = sorted(there.keys() - files.keys(), key=lambda name: (parse(name).path, name)) if prune else []
        _confirm(given, gone, dry_run)
        same = [one for one in there.values() if _is_same(asked, one, files)]
        kept = {one.name for one in same}
        wanted = [Wanted(name=name, content=content) for name, content in files.items() if name not in kept]
        # While the question waits for its answer somebody may write: what goes is what was listed.
        wanted += [Wanted(name=name, if_version=there[name].version) for name in gone]
        batches = list(_batches(wanted))
        # All mistakes that can be seen before anything is written are.
        planned = [one for batch in batches for one in asked.configs.change(batch, dry_run=True).changes]
        if dry_run:
            lines = [line for one in planned for line in _shown(printer, asked, one, files)]
            done = planned
        else:
            done = []
            for batch in batches:
                try:
                    done += asked.configs.change(batch, author=who, reason=reason).changes
                except PyClusterError:
                    printer.note(f"{len(done)} of {len(planned)} entries were taken before; import them again")
                    raise
            lines = [words(one) for one in done if one.action != "unchanged"]
    done += [ChangedView(one.name, "unchanged", one.version, one.version) for one in same]
    counts = Counter(one.action for one in done)
    summary = ", ".join(f"{counts[action]} {action}" for action in ("created", "changed", "unchanged", "deleted"))
    printer.answer(done, lines=lambda: lines, names=[one.name for one in done if one.action != "unchanged"])
    printer.note(f"{len(done)} entries: {summary}" + (" (dry run: nothing was written)" if dry_run else ""))
    return Exit.DONE


def _confirm(given: Given, gone: list[str], dry_run: bool) -> None:
    if gone and not dry_run and not given.switch("yes") and attended():
        names = ", ".join(gone[:10]) + (f" and {len(gone) - 10} more" if len(gone) > 10 else "")
        if not click.confirm(printable(f"Delete {names}?"), err=True):
            raise Refused("nothing was changed")


def _read(directory: str, prefix: str) -> dict[str, str]:
    """Contents by the entries' names: schemas first, then entries, each with what overrides it."""
    found: dict[str, str] = {}
    problems: list[str] = []
    for path in _files(directory, problems):
        name = prefix + os.path.relpath(path, directory)
        try:
            parse(name)
            found[name] = decoded(_content(path), path)
        except OSError as error:
            problems.append(f"{path} cannot be read: {error.strerror or error}")
        except LocalMisuse as error:
            problems.append(f"{path}: {error}")
    if problems:
        raise FolderUnfit(problems)
    names = {text: parse(text) for text in found}
    order = sorted(found, key=lambda text: (not names[text].schema, names[text].path, text))
    return {text: found[text] for text in order}


def _files(directory: str, problems: list[str]) -> Iterator[str]:
    """Every file that is not hidden, nor in a hidden directory. What cannot be looked into is a problem: `-prune` would
    take it for empty.
    """

    def unreadable(error: OSError) -> None:
        problems.append(f"{error.filename} cannot be read: {error.strerror}")

    for folder, folders, names in os.walk(directory, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [path for name in folders if os.path.islink(path := os.path.join(folder, name))]
        problems += [f"{path} is a symbolic link" for path in links]
        yield from (os.path.join(folder, name) for name in sorted(names) if not name.startswith("."))


def _content(path: str) -> bytes:
    """Of a regular file; raises ``OSError``. A link could lead to what its repository has no business with."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link") from None
        raise
    with open(opened, "rb") as file:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        return file.read()


def _is_same(asked: StateClient, one: EntryView, files: dict[str, str]) -> bool:
    """Whether an entry is already what its file says; then it need not be judged beside what does change."""
    content = files.get(one.name)
    if content is None or len(content.encode()) != one.size:
        return False
    try:
        return asked.configs.get(one.name).content == content
    except NotFound:
        return False


def _batches(wanted: list[Wanted]) -> Iterator[list[Wanted]]:
    """An entry and what overrides it stay together where they can: one without the other may not fit a schema."""
    batch: list[Wanted] = []
    for _, group in groupby(wanted, lambda one: parse(one.name).path):
        together = list(group)
        if batch and not _fits([*batch, *together]):
            yield batch
            batch = []
        for one in together:
            if batch and not _fits([*batch, one]):
                yield batch
                batch = []
            batch.append(one)
    if batch:
        yield batch


def _fits(batch: list[Wanted]) -> bool:
    """Whether it can be one step. Each folder has schemas of its own, which are conditions of it."""
    if len(batch) > _TOGETHER or conditions(tuple(parse(one.name) for one in batch)) > TOGETHER_MAX:
        return False
    return sum(len((one.content or "").encode()) for one in batch) <= _TOGETHER_BYTES


def _shown(printer: Printer, asked: StateClient, change: ChangedView, files: dict[str, str]) -> Iterator[str]:
    if change.action == "unchanged":
        return
    yield words(change)
    try:
        before = asked.configs.get(change.name).content if change.before else ""
    except NotFound:
        before = ""
    label = f"{change.name} version {change.before}" if change.before else "no entry"
    yield from painted(printer, unified(before, files.get(change.name, ""), label, "as it would be"))


@click.command("export", cls=Verb)
@takes(*AGENT, *FORM)
@click.argument("directory", type=click.Path(file_okay=False), metavar="DIR")
@PREFIX
@pass_given
def export(given: Given, directory: str, prefix: str) -> int:
    """Write each entry into a file below DIR. `import DIR PREFIX` would read it as the same."""
    printer = Printer(given)
    written: list[str] = []
    with StateClient(*targets.chosen(given, targets.CHANGE_S)) as asked:
        found = asked.configs.list(prefix)
        places = {one.name: _place(one.name, prefix) for one in found}
        for name, place in places.items():
            path = os.path.join(directory, place)
            if _write(path, asked.configs.get(name).content.encode()):
                written.append(path)
    printer.answer(written, lines=lambda: written, names=written)
    printer.note(f"{len(found)} entries, {len(written)} files written")
    return Exit.DONE


def _place(name: str, prefix: str) -> str:
    """Where below the directory an entry goes: there `import` finds it again, and nowhere else is written.

    A tag's value may hold what a path would obey (`app@tag:k=/../x`).
    """
    place = name.removeprefix(prefix)
    if place.startswith("/"):
        raise LocalMisuse(f"{name} has no file name below {prefix!r}", remedy=f"say {prefix + '/'!r}")
    if any(part.startswith(".") or not part for part in place.split("/")):
        why = f"{place!r} would be hidden, or elsewhere, and import would not find it"
        raise LocalMisuse(f"{name} cannot be a file below {prefix!r}", why=why, remedy="nothing was written")
    return place


def _write(path: str, content: bytes) -> bool:
    """Whole or not at all; whether anything had to be written."""
    try:
        if os.path.isfile(path):
            with open(path, "rb") as opened:
                if opened.read() == content:
                    return False
        os.makedirs(os.path.dirname(path), exist_ok=True)
        file, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".pycluster-")
        with os.fdopen(file, "wb") as opened:
            opened.write(content)
            os.fchmod(opened.fileno(), 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise LocalFault(f"{path} cannot be written", why=error.strerror or str(error)) from None
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
