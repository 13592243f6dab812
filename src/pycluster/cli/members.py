"""``members`` and ``tags``."""

from __future__ import annotations

import click
import msgspec

from pycluster.cli import targets, words
from pycluster.cli.command import Verb
from pycluster.cli.exits import NothingFound
from pycluster.cli.given import Given, pass_given
from pycluster.cli.options import AGENT, FILTER, FORM, WATCH, takes
from pycluster.cli.output import Cell, Printer
from pycluster.cli.reporting import outcome
from pycluster.cli.watching import show
from pycluster.node.view import MemberView, StatusView

_HEADING = ("NAME", "ADDRESS", "STATE", "ROLE", "VOTER", "LAST SEEN", "RTT")
_WIDE_HEADING = (*_HEADING, "HOST", "INCARNATION", "VERSION", "REGION", "ZONE", "TAGS", "UUID")


def _pairs(texts: tuple[str, ...], what: str) -> dict[str, str]:
    """``key=value`` texts as a dictionary."""
    wrong = [text for text in texts if "=" not in text or text.startswith("=")]
    if wrong:
        raise click.UsageError(f"{wrong[0]!r} is no {what}: write KEY=VALUE")
    return dict(text.split("=", 1) for text in texts)


def _row(member: MemberView, wide: bool) -> list[Cell]:
    row = [
        f"{member.name} *" if member.local else member.name,
        member.address,
        words.state(member),
        words.role(member),
        words.yes(member.voter),
        words.last_seen(member),
        words.round_trip(member),
    ]
    if wide:
        row += [
            member.host,
            str(member.incarnation),
            member.version,
            member.region,
            member.zone,
            words.tags(member.tags),
            member.uuid,
        ]
    return row


def table(printer: Printer, members: tuple[MemberView, ...]) -> list[str]:
    """The members, the local one marked."""
    rows = [_row(member, printer.wide) for member in members]
    return printer.table(_WIDE_HEADING if printer.wide else _HEADING, rows)


def timeless(members: tuple[MemberView, ...]) -> tuple[MemberView, ...]:
    """The members without what changes all the time."""
    return tuple(msgspec.structs.replace(member, last_seen_ms=None, rtt_ms=None, evidence=()) for member in members)


@click.command("members", cls=Verb)
@takes(*AGENT, *FORM, WATCH, FILTER)
@pass_given
def members(given: Given) -> int:
    """Who is there, as far as the agent knows. `*` marks its own node."""
    wanted = _pairs(given.texts("filter"), "filter")
    printer = Printer(given)

    def chosen(status: StatusView) -> tuple[MemberView, ...]:
        return tuple(
            member for member in status.members if all(member.tags.get(key) == value for key, value in wanted.items())
        )

    def draw(status: StatusView) -> int:
        found = chosen(status)
        printer.answer(found, lines=lambda: table(printer, found), names=[member.name for member in found])
        return 0

    return show(targets.client(given), printer, given.switch("watch"), draw, lambda status: timeless(chosen(status)))


@click.command("tags", cls=Verb)
@takes(*AGENT, *FORM)
@click.option("-d", "-delete", "--delete", "deleted", multiple=True, metavar="KEY", help="Remove a tag. Repeatable.")
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@pass_given
def tags(given: Given, changes: tuple[str, ...], deleted: tuple[str, ...]) -> int:
    """Show or change the tags of the agent's own node."""
    added = _pairs(changes, "tag")
    printer = Printer(given)
    asked = targets.client(given)
    local = next((member for member in asked.members() if member.local), None)
    before = dict(local.tags) if local is not None else {}
    if not added and not deleted:
        lines = [f"{key}={value}" for key, value in sorted(before.items())]
        printer.answer(before, lines=lambda: lines, names=sorted(before))
        return 0
    missing = [key for key in deleted if key not in before]
    if missing:
        raise NothingFound(f"there is no tag {missing[0]!r}", remedy="pycluster tags shows those there are")
    after = {key: value for key, value in before.items() if key not in deleted} | added
    return outcome(printer, asked.set_tags(after), f"tags are now: {words.tags(after) or 'none'}")
