"""``kv``: keys and values of the replicated state."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click
import msgspec

from pycluster import store
from pycluster.cli import targets
from pycluster.cli.command import Verb, Verbs
from pycluster.cli.exits import Exit, NothingFound, printable
from pycluster.cli.given import Given, pass_given
from pycluster.cli.names import complete_key
from pycluster.cli.options import AGENT, FORM, YES, takes
from pycluster.cli.output import Cell, Printer
from pycluster.cli.readers import end_with_reader
from pycluster.cli.streams import attended, piped
from pycluster.client.blocking import StateClient
from pycluster.kernel.errors import Refused
from pycluster.node.keyviews import KeyValueView, PutView, lease_number, lease_text

PLACES = {
    "get": "pycluster.cli.keys:get",
    "put": "pycluster.cli.keys:put",
    "del": "pycluster.cli.keys:delete",
    "list": "pycluster.cli.keys:listed",
    "watch": "pycluster.cli.keys:watch",
    "compact": "pycluster.cli.keys:compact",
}
_HEADING = ("KEY", "VALUE")
_WIDE_HEADING = (*_HEADING, "CREATED", "CHANGED", "VERSION", "LEASE")
_CELL_MAX = 60

PREFIX = click.option("-prefix", "--prefix", is_flag=True, help="All keys that begin with KEY.")
REV = click.option("-rev", "--rev", type=click.IntRange(1), metavar="N", help="As of revision N.")
STALE = click.option(
    "-serializable", "--serializable", is_flag=True, help="From the agent's copy, which may be behind."
)
IF_REV = click.option("-if-rev", "--if-rev", type=click.IntRange(0), metavar="N", help="Only if last changed at N.")
FORCE = click.option("-force", "--force", is_flag=True, help="Also keys that are the cluster's own.")
PREV = click.option("-prev", "--prev", is_flag=True, help="Show what was there before, too.")


class Changed(msgspec.Struct):
    """What ``kv watch`` prints: ``kind`` is ``put`` or ``delete``."""

    kind: str
    kv: KeyValueView
    previous: KeyValueView | None = None


class Deleted(msgspec.Struct):
    """What ``kv del`` prints."""

    revision: int
    deleted: int
    previous: tuple[KeyValueView, ...]


@click.group("kv", cls=Verbs, places=PLACES, no_args_is_help=False)
@takes(*AGENT, *FORM)
def kv() -> None:
    """Keys and values of the replicated state."""


def text(data: bytes) -> str:
    """Bytes as one line of a table; what is no text is escaped."""
    return data.decode(errors="backslashreplace")


def cell(value: bytes) -> str:
    """A value in a table: its beginning, or how many bytes of no text it has."""
    try:
        shown = value.decode()
    except UnicodeDecodeError:
        return f"({len(value)} bytes)"
    return shown if len(shown) <= _CELL_MAX else f"{shown[:_CELL_MAX]}... ({len(value)} bytes)"


def write_value(printer: Printer, value: bytes) -> None:
    """The value alone: every byte as it is, but on a terminal nothing that it would obey."""
    if printer.terminal:
        lines = text(value).split("\n")
        print(
            "\n".join("".join(sign if sign.isprintable() or sign == "\t" else "?" for sign in line) for line in lines)
        )
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(value)
    sys.stdout.buffer.flush()


def rows(printer: Printer, kvs: Sequence[store.KeyValue], *, keys_only: bool = False) -> list[str]:
    """A table of keys."""
    if keys_only:
        return printer.table(("KEY",), [(text(kv.key),) for kv in kvs])
    body: list[list[Cell]] = [[text(kv.key), cell(kv.value)] for kv in kvs]
    if printer.wide:
        for row, kv in zip(body, kvs, strict=True):
            row += [str(kv.create_revision), str(kv.mod_revision), str(kv.version), lease_text(kv.lease)]
    return printer.table(_WIDE_HEADING if printer.wide else _HEADING, body)


def _show(printer: Printer, found: store.RangeResult, *, keys_only: bool = False) -> int:
    printer.answer(
        tuple(KeyValueView.of(kv) for kv in found.kvs),
        lines=lambda: rows(printer, found.kvs, keys_only=keys_only),
        names=[text(kv.key) for kv in found.kvs],
    )
    if found.more:
        printer.note(f"{len(found.kvs)} of {found.count} keys, as of revision {found.revision}")
    return Exit.DONE


@click.command("get", cls=Verb)
@takes(*AGENT, *FORM)
@PREFIX
@REV
@STALE
@click.argument("key", shell_complete=complete_key, metavar="KEY")
@pass_given
def get(given: Given, key: str, prefix: bool, rev: int | None, serializable: bool) -> int:
    """The value of KEY, every byte as it is. Ends with 3 when there is no such key."""
    printer = Printer(given)
    name = os.fsencode(key)
    with StateClient(*targets.chosen(given)) as asked:
        if prefix:
            return _show(printer, asked.list(name, revision=rev or 0, serializable=serializable))
        found = asked.get(name, revision=rev or 0, serializable=serializable)
    if found is None:
        raise NothingFound(f"there is no key {key!r}", remedy="pycluster kv list shows those there are")
    if printer.form == "table":
        write_value(printer, found.value)
        return Exit.DONE
    printer.answer(KeyValueView.of(found), lines=lambda: rows(printer, [found]), names=[text(found.key)])
    return Exit.DONE


@click.command("list", cls=Verb)
@takes(*AGENT, *FORM)
@click.option("-keys-only", "--keys-only", is_flag=True, help="Without values.")
@click.option("-limit", "--limit", type=click.IntRange(1), metavar="N", help="At most N keys.")
@REV
@STALE
@click.argument("prefix", shell_complete=complete_key, required=False, default="", metavar="[PREFIX]")
@pass_given
def listed(given: Given, prefix: str, keys_only: bool, limit: int | None, rev: int | None, serializable: bool) -> int:
    """The keys that begin with PREFIX, in order; all of them without one."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        found = asked.list(
            os.fsencode(prefix), limit=limit or 0, revision=rev or 0, keys_only=keys_only, serializable=serializable
        )
    return _show(printer, found, keys_only=keys_only)


@click.command("put", cls=Verb)
@takes(*AGENT, *FORM)
@click.option("-lease", "--lease", metavar="ID", default="", help="Delete it when that lease ends.")
@click.option("-if-absent", "--if-absent", is_flag=True, help="Only if there is no such key.")
@IF_REV
@PREV
@FORCE
@click.argument("key", shell_complete=complete_key, metavar="KEY")
@click.argument("value", required=False, metavar="[VALUE|-]")
@pass_given
def put(
    given: Given,
    key: str,
    value: str | None,
    lease: str,
    if_absent: bool,
    if_rev: int | None,
    prev: bool,
    force: bool,
) -> int:
    """Write KEY. `-`, or no VALUE, reads it from standard input. Ends with 3 when the condition does not hold."""
    printer = Printer(given)
    missing = "a value is missing: write it, or pipe it in"
    content = piped(missing) if value in (None, "-") else os.fsencode(str(value))
    with StateClient(*targets.chosen(given)) as asked:
        done = asked.put(
            os.fsencode(key),
            content,
            lease=lease_number(lease),
            if_absent=if_absent,
            if_mod_revision=if_rev,
            prev_kv=prev,
            force=force,
        )

    def lines() -> list[str]:
        said = [] if printer.quiet else [f"written as revision {done.revision}"]
        return said + (rows(printer, [done.previous]) if done.previous is not None else [])

    printer.answer(PutView.of(done), lines=lines, names=[text(os.fsencode(key))])
    return Exit.DONE


@click.command("del", cls=Verb)
@takes(*AGENT, *FORM, YES)
@PREFIX
@IF_REV
@PREV
@FORCE
@click.argument("key", shell_complete=complete_key, metavar="KEY")
@pass_given
def delete(given: Given, key: str, prefix: bool, if_rev: int | None, prev: bool, force: bool) -> int:
    """Delete KEY. Ends with 3 when there is no such key, or when it is not as the condition says."""
    if prefix and if_rev is not None:
        raise click.UsageError("-if-rev is of one key, not of a prefix")
    unsure = not key and prefix and not given.switch("yes") and attended()
    if unsure and not click.confirm("Delete every key?", err=True):
        raise Refused("nothing was changed")
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        done = asked.delete(os.fsencode(key), prefix=prefix, if_mod_revision=if_rev, prev_kv=prev, force=force)
    if not done.deleted and not prefix:
        raise NothingFound(f"there is no key {key!r}", remedy="pycluster kv list shows those there are")

    def lines() -> list[str]:
        said = f"{done.deleted} {'key' if done.deleted == 1 else 'keys'} deleted, revision {done.revision}"
        return ([] if printer.quiet else [said]) + (rows(printer, done.previous) if done.previous else [])

    previous = tuple(KeyValueView.of(kv) for kv in done.previous)
    names = [text(kv.key) for kv in done.previous]
    printer.answer(Deleted(done.revision, done.deleted, previous), lines=lines, names=names)
    return Exit.DONE


@click.command("watch", cls=Verb)
@takes(*AGENT, *FORM)
@PREFIX
@click.option("-rev", "--rev", type=click.IntRange(1), metavar="N", help="From revision N on, not from now on.")
@click.option("-count", "--count", type=click.IntRange(1), metavar="N", help="End after N changes.")
@PREV
@click.argument("key", shell_complete=complete_key, metavar="KEY")
@pass_given
def watch(given: Given, key: str, prefix: bool, rev: int | None, count: int | None, prev: bool) -> int:
    """Changes of KEY as they happen, until Ctrl-C. A broken connection is taken up again where it broke."""
    printer = Printer(given)
    end_with_reader()
    with StateClient(*targets.chosen(given)) as asked:
        changes = asked.watch(os.fsencode(key), prefix=prefix, revision=rev or 0, prev_kv=prev)
        for shown, event in enumerate(changes, 1):
            _tell(printer, event)
            if shown == count:
                break
    return Exit.DONE


def _tell(printer: Printer, event: store.Event) -> None:
    kind = "delete" if event.deleted else "put"
    previous = None if event.previous is None else KeyValueView.of(event.previous)
    change = Changed(kind, KeyValueView.of(event.kv), previous)
    if printer.form in ("json", "jsonl"):
        print(msgspec.json.encode(change).decode(), flush=True)
        return
    words = [text(event.kv.key)] + ([] if event.deleted else [cell(event.kv.value)])
    words += [f"(was {cell(event.previous.value)})"] if event.previous is not None else []
    head = f"{event.kv.mod_revision} " if printer.wide else ""
    head += printer.paint(kind, "red" if event.deleted else "green")
    line = f"{head} {printable(' '.join(words))}".replace("\n", " ")
    printer.answer(change, lines=lambda: [line], names=[text(event.kv.key)])


@click.command("compact", cls=Verb)
@takes(*AGENT, *FORM)
@click.argument("revision", type=click.IntRange(1), required=False, metavar="[REVISION]")
@pass_given
def compact(given: Given, revision: int | None) -> int:
    """Forget what was superseded before REVISION (without one: before now), to win space."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        # the leader's, as the agent's own copy may be behind, or there is none
        at = revision or asked.range(store.Range(b"\0", b"\1", count_only=True)).revision
        asked.compact(at)
    done = [] if printer.quiet else [f"compacted at revision {at}"]
    printer.answer({"revision": at}, lines=lambda: done, names=[str(at)])
    return Exit.DONE
