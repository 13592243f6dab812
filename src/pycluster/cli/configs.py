"""``config``: entries of the configuration, read and compared."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import click

from pycluster.cli import targets
from pycluster.cli.command import Verb, Verbs
from pycluster.cli.exits import Exit, NothingFound, printable
from pycluster.cli.given import Given, pass_given
from pycluster.cli.keys import write_value
from pycluster.cli.names import complete, complete_entry
from pycluster.cli.options import AGENT, FORM, takes
from pycluster.cli.output import Printer
from pycluster.cli.readers import end_with_reader
from pycluster.cli.streams import piped
from pycluster.client.blocking import StateClient
from pycluster.configs import EffectiveView, EntryView, unified
from pycluster.kernel.errors import LocalMisuse

PLACES = {
    "put": "pycluster.cli.configchanges:put",
    "get": "pycluster.cli.configs:get",
    "edit": "pycluster.cli.configchanges:edit",
    "del": "pycluster.cli.configchanges:delete",
    "list": "pycluster.cli.configs:listed",
    "history": "pycluster.cli.configs:history",
    "diff": "pycluster.cli.configs:diff",
    "rollback": "pycluster.cli.configchanges:rollback",
    "watch": "pycluster.cli.configs:watch",
    "validate": "pycluster.cli.configchanges:validate",
    "effective": "pycluster.cli.configs:effective",
    "import": "pycluster.cli.configfolders:import_",
    "export": "pycluster.cli.configfolders:export",
    "rendered": "pycluster.cli.configfiles:rendered",
    "render": "pycluster.cli.configfiles:render",
    "rollout": "pycluster.cli.configrollouts:rollout",
    "nodes": "pycluster.cli.configfiles:nodes",
}
NAME = click.argument("entry", shell_complete=complete_entry, metavar="NAME")
PREFIX = click.argument("prefix", shell_complete=complete_entry, required=False, default="", metavar="[PREFIX]")
VERSION = click.option("-version", "--version", type=click.IntRange(1), metavar="N", help="What it was as version N.")


@click.group("config", cls=Verbs, places=PLACES, no_args_is_help=False)
@takes(*AGENT, *FORM)
def config() -> None:
    """Configuration entries: versioned, checked."""


def when(at_ms: int) -> str:
    """A Unix time in the reader's own zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_ms // 1_000))


def painted(printer: Printer, lines: Sequence[str]) -> list[str]:
    """A diff with its colours."""
    colours = {"+": "green", "-": "red", "@": "blue"}
    return [printer.paint(printable(line), colours.get(line[:1], "")) for line in lines]


def decoded(content: bytes, where: str) -> str:
    """Text; raises ``LocalMisuse`` where it is none."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise LocalMisuse(f"{where} is no text", why=str(error), remedy="entries are UTF-8") from None


def content_of(file: str | None) -> str:
    """What is in FILE, or comes on standard input."""
    if file in (None, "-"):
        return decoded(piped("the content is missing: name a file, or pipe it in"), "standard input")
    try:
        with open(str(file), "rb") as opened:
            return decoded(opened.read(), str(file))
    except OSError as error:
        raise LocalMisuse(f"{file} cannot be read", why=error.strerror or str(error)) from None


@click.command("get", cls=Verb)
@takes(*AGENT, *FORM)
@VERSION
@NAME
@pass_given
def get(given: Given, entry: str, version: int | None) -> int:
    """The content of NAME as it is. `-o wide` tells its version, author and reason. Ends with 3 without it."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        found = asked.configs.get(entry, version or 0)
    if printer.form == "table" and found.deleted:
        raise NothingFound(f"version {version} of {entry} is its deletion")
    if printer.form == "table":
        write_value(printer, found.content.encode())
        return Exit.DONE
    printer.answer(found, lines=lambda: _facts(printer, found), names=[found.name])
    return Exit.DONE


def _facts(printer: Printer, found: EntryView) -> list[str]:
    return printer.facts(
        [
            ("name", found.name),
            ("version", f"{found.version}" + ("" if found.current else " (not the current one)")),
            ("format", found.format),
            ("size", f"{found.size} bytes"),
            ("changed", when(found.at_ms)),
            ("author", found.author),
            ("reason", found.reason),
            *([("rollout", f"version {found.rolling} is rolled out")] if found.rolling and found.current else []),
        ]
    )


@click.command("list", cls=Verb)
@takes(*AGENT, *FORM)
@PREFIX
@pass_given
def listed(given: Given, prefix: str) -> int:
    """The entries that begin with PREFIX. All of them without one."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        found = asked.configs.list(prefix)
    rows = [[one.name, str(one.version), one.format, str(one.size), when(one.at_ms), one.author] for one in found]
    heading = ["NAME", "VERSION", "FORMAT", "BYTES", "CHANGED", "AUTHOR"]
    if printer.wide:
        heading.append("REASON")
        for row, one in zip(rows, found, strict=True):
            row.append(one.reason)
    printer.answer(found, lines=lambda: printer.table(heading, rows), names=[one.name for one in found])
    return Exit.DONE


@click.command("history", cls=Verb)
@takes(*AGENT, *FORM)
@click.option("-diff", "--diff", "with_diff", is_flag=True, help="What each version changed, too.")
@NAME
@pass_given
def history(given: Given, entry: str, with_diff: bool) -> int:
    """The versions of NAME that are kept. The newest first: who changed it when, and why."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        found = asked.configs.history(entry)
        contents = [asked.configs.get(entry, one.version).content for one in found] if with_diff else []
    if with_diff and printer.form in ("table", "wide"):
        for place, one in enumerate(found):
            head = f"version {one.version}, {when(one.at_ms)}, {_said(one)}"
            print(printer.paint(printable(head), "bold"))
            before = contents[place + 1] if place + 1 < len(found) else ""
            label = f"{entry} version {found[place + 1].version}" if place + 1 < len(found) else "nothing that is kept"
            for line in painted(printer, unified(before, contents[place], label, f"{entry} version {one.version}")):
                print(line)
            print()
        return Exit.DONE
    rows = [(str(one.version), when(one.at_ms), str(one.size), one.author, _why(one)) for one in found]
    heading = ("VERSION", "CHANGED", "BYTES", "AUTHOR", "REASON")
    printer.answer(found, lines=lambda: printer.table(heading, rows), names=[str(one.version) for one in found])
    return Exit.DONE


def _said(one: EntryView) -> str:
    return f"by {one.author or 'nobody named'}: {_why(one) or 'no reason given'}"


def _why(one: EntryView) -> str:
    if one.rolling and not one.current:
        return f"(rolled out now) {one.reason}".strip()
    return f"(deleted) {one.reason}".strip() if one.deleted else one.reason


@click.command("diff", cls=Verb)
@takes(*AGENT, *FORM)
@click.option("-from", "--from", "first", type=click.IntRange(1), metavar="N", help="From version N.")
@click.option("-to", "--to", "last", type=click.IntRange(1), metavar="N", help="To version N, not to the current one.")
@click.option("-file", "--file", metavar="FILE", help="To the content of FILE.")
@NAME
@pass_given
def diff(given: Given, entry: str, first: int | None, last: int | None, file: str | None) -> int:
    """What changed between versions of NAME. The one before the current one and that, unless said otherwise."""
    if file is not None and last is not None:
        raise click.UsageError("-to and -file exclude each other")
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        if file is not None:
            old: EntryView | None = asked.configs.get(entry, first or 0)
            new_label, new_content = file, content_of(file)
        else:
            versions = [one.version for one in asked.configs.history(entry)]
            last = last or versions[0]
            first = first or next((version for version in versions if version < last), 0)
            new = asked.configs.get(entry, last)
            new_label, new_content = f"{entry} version {last}", new.content
            old = asked.configs.get(entry, first) if first else None
    label = f"{entry} version {old.version}" if old is not None else "nothing that is kept"
    lines = unified(old.content if old is not None else "", new_content, label, new_label)
    answer = {"name": entry, "from": label, "to": new_label, "diff": "\n".join(lines)}
    printer.answer(answer, lines=lambda: painted(printer, lines), names=[entry] if lines else [])
    return Exit.DONE


@click.command("watch", cls=Verb)
@takes(*AGENT, *FORM)
@click.option("-count", "--count", type=click.IntRange(1), metavar="N", help="End after N changes.")
@PREFIX
@pass_given
def watch(given: Given, prefix: str, count: int | None) -> int:
    """Changes of entries as they happen. Of those that begin with PREFIX, until Ctrl-C."""
    printer = Printer(given)
    end_with_reader()
    with StateClient(*targets.chosen(given)) as asked:
        for shown, change in enumerate(asked.configs.watch(prefix), 1):
            entry = change.entry
            words = "deleted" if entry is None else f"version {entry.version} {_said(entry)}"
            if entry is not None and entry.rolling:
                words += f"; version {entry.rolling} is rolled out"
            line = printable(f"{change.name} {words}").replace("\n", " ")
            printer.answer(change, lines=lambda line=line: [line], names=[change.name])  # type: ignore[misc]
            if shown == count:
                break
    return Exit.DONE


@click.command("effective", cls=Verb)
@takes(*AGENT, *FORM)
@click.argument("node", shell_complete=complete, metavar="NODE")
@click.argument("entry", shell_complete=complete_entry, required=False, metavar="[NAME]")
@pass_given
def effective(given: Given, node: str, entry: str | None) -> int:
    """What NODE gets, overrides merged. Of NAME its content. Ends with 1 where layers do not fit."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        entries = asked.configs.effective(node, entry or "").entries
    if entry is not None:
        entries = tuple(one for one in entries if one.name == entry)
        if not entries:
            remedy = f"pycluster config effective {node} shows what it gets"
            raise NothingFound(f"{node} gets no entry {entry}", remedy=remedy)
    problems = [line for one in entries for line in one.problems]
    if entry is not None and printer.form == "table" and not problems:
        write_value(printer, entries[0].content.encode())
        return Exit.DONE
    rows = [(one.name, one.format, _layers(one), "does not fit" if one.problems else "") for one in entries]
    heading = ("NAME", "FORMAT", "LAYERS", "PROBLEM")
    printer.answer(entries, lines=lambda: printer.table(heading, rows), names=[one.name for one in entries])
    for line in problems:
        print(printable(line), file=sys.stderr)
    return Exit.FAILED if problems else Exit.DONE


def _layers(one: EffectiveView) -> str:
    texts = (layer.name.partition("@")[2] or "base" for layer in one.layers)
    return " < ".join(f"{text} ({layer.version})" for text, layer in zip(texts, one.layers, strict=True))
