"""``config rollout``: a new version brought to some nodes at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click
import msgspec

from pycluster.cli import targets
from pycluster.cli.command import Verb, Verbs
from pycluster.cli.configs import when
from pycluster.cli.exits import Exit, printable
from pycluster.cli.given import Given, pass_given
from pycluster.cli.names import complete_entry
from pycluster.cli.options import AGENT, FORM, seconds, takes
from pycluster.cli.output import Cell, Printer
from pycluster.client.blocking import StateClient
from pycluster.rollouts import OVER, Lane, RolloutView, StartedView, Steer, Strategy

PLACES = {
    "list": "pycluster.cli.configrollouts:listed",
    "show": "pycluster.cli.configrollouts:show",
    "wait": "pycluster.cli.configrollouts:wait",
    "pause": "pycluster.cli.configrollouts:pause",
    "resume": "pycluster.cli.configrollouts:resume",
    "abort": "pycluster.cli.configrollouts:abort",
}
NAME = click.argument("entry", shell_complete=complete_entry, metavar="NAME")
PREFIX = click.argument("prefix", shell_complete=complete_entry, required=False, default="", metavar="[PREFIX]")
VERSION = click.option("-version", "--version", type=click.IntRange(1), metavar="N", help="That of version N.")
REASON = click.option("-m", "-reason", "--reason", metavar="WORDS", default="", help="Why; the history tells it.")
_STATES = {
    "running": "blue",
    "paused": "yellow",
    "rolling-back": "yellow",
    "done": "green",
    "rolled-back": "red",
    "aborted": "red",
}
_LANES = {
    "waiting": "dim",
    "absent": "dim",
    "changing": "blue",
    "good": "green",
    "failed": "red",
    "gone": "dim",
    "returning": "yellow",
    "back": "green",
    "untouched": "dim",
}
_WORDS = "all, or of: canary=N, batch=N or N%, soak=TIME, timeout=TIME, failures=N, on-failure=rollback or pause"


def strategy_of(text: str) -> Strategy:
    """What ``-rollout`` says; raises ``BadParameter``."""
    fields: dict[str, object] = {}
    for part in [] if text == "all" else text.split(","):
        key, equals, value = part.strip().partition("=")
        try:
            match key:
                case "canary" | "failures" if equals:
                    fields[key] = int(value)
                case "batch" if re.fullmatch(r"\d+%", value):
                    fields["percent"] = int(value[:-1])
                case "batch" if equals:
                    fields["batch"] = int(value)
                case "soak" | "timeout" if equals:
                    fields[f"{key}_s"] = seconds(value)
                case "on-failure" if equals:
                    fields["on_failure"] = value
                case _:
                    raise ValueError(f"{part.strip()!r} is not known")
        except ValueError as error:
            raise click.BadParameter(f"{error}: {_WORDS}") from None
    try:
        return msgspec.convert(fields, Strategy)
    except msgspec.ValidationError as error:
        raise click.BadParameter(f"{error}: {_WORDS}") from None


class StrategyType(click.ParamType):  # type: ignore[type-arg]
    """The value of ``-rollout``."""

    name = "strategy"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Strategy:
        return value if isinstance(value, Strategy) else strategy_of(str(value))


@click.group("rollout", cls=Verbs, places=PLACES, no_args_is_help=False)
@takes(*AGENT, *FORM)
def rollout() -> None:
    """Rollouts: a new version, some nodes at a time."""


@click.command("list", cls=Verb)
@takes(*AGENT, *FORM)
@PREFIX
@pass_given
def listed(given: Given, prefix: str) -> int:
    """Rollouts of entries that begin with PREFIX. The newest first."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        found = asked.rollouts.list(prefix)
    rows: list[list[Cell]] = [
        [one.name, str(one.version), (one.state, _STATES[one.state]), _count(one), when(one.at_ms), one.author, one.why]
        for one in found
    ]
    heading = ["NAME", "VERSION", "STATE", "GOOD", "BEGUN", "AUTHOR", "WHY"]
    printer.answer(
        found, lines=lambda: printer.table(heading, rows), names=[f"{one.name}#{one.version}" for one in found]
    )
    return Exit.DONE


def _count(view: RolloutView) -> str:
    return f"{view.good} of {view.total}" if view.total else ""


@click.command("show", cls=Verb)
@takes(*AGENT, *FORM)
@VERSION
@NAME
@pass_given
def show(given: Given, entry: str, version: int | None) -> int:
    """The newest rollout of NAME, node by node. Ends with 1 where it was stopped, or a failure paused it."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        view = asked.rollouts.get(entry, version or 0)
    return told(printer, view)


@click.command("wait", cls=Verb)
@takes(*AGENT, *FORM)
@VERSION
@NAME
@pass_given
def wait(given: Given, entry: str, version: int | None) -> int:
    """Until the newest rollout of NAME is over. Ends with 1 where it was stopped, or a failure paused it."""
    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        view = asked.rollouts.wait(entry, version or 0)
    return told(printer, view)


def begun(printer: Printer, started: StartedView) -> list[str]:
    """What is said of a rollout that was begun."""
    if printer.quiet or started.rollout is None:
        return []
    change = started.change
    return [f"{change.name}: version {change.version} is rolled out (over version {change.before})"]


def told(printer: Printer, view: RolloutView) -> int:
    """Print a rollout with its lanes; the exit code that it deserves."""
    printer.answer(view, lines=lambda: _lines(printer, view), names=[one.node for one in view.lanes])
    return Exit.DONE if view.well else Exit.FAILED


def _lines(printer: Printer, view: RolloutView) -> list[str]:
    state = printer.paint(view.state, _STATES[view.state])
    head = f"{view.name}: version {view.version} over version {view.before}: {state}"
    if view.result and view.result != view.version:
        head += f"; version {view.result} has the content from before"
    lines = [head]
    if view.wish:
        lines.append("it is being aborted")
    if view.why and view.state != "done":
        lines.append(printable(view.why + (f" (by {view.by})" if view.by else "")).replace("\n", " "))
    if view.soak_until_ms and view.state == "running":
        lines.append(f"waits until {when(view.soak_until_ms)}")
    rows = [_row(one) for one in view.lanes]
    return lines + (printer.table(["NODE", "STATE", "BATCH", "WANTED", "IN PLACE", "SINCE", "WHY NOT"], rows))


def _row(lane: Lane) -> Sequence[Cell]:
    batch = str(lane.batch) if lane.batch else ""
    versions = [str(one) if one else "" for one in (lane.wanted, lane.placed)]
    since = when(lane.since_ms) if lane.since_ms else ""
    return [lane.node, (lane.state, _LANES[lane.state]), batch, *versions, since, lane.problem]


@click.command("pause", cls=Verb)
@takes(*AGENT, *FORM)
@VERSION
@REASON
@NAME
@pass_given
def pause(given: Given, entry: str, version: int | None, reason: str) -> int:
    """Release no more nodes of the rollout of NAME. Who was released goes on."""
    return _steer(given, entry, version, "pause", reason)


@click.command("resume", cls=Verb)
@takes(*AGENT, *FORM)
@VERSION
@REASON
@NAME
@pass_given
def resume(given: Given, entry: str, version: int | None, reason: str) -> int:
    """Go on with the rollout of NAME. Nodes that failed are accepted as they are."""
    return _steer(given, entry, version, "resume", reason)


@click.command("abort", cls=Verb)
@takes(*AGENT, *FORM)
@VERSION
@REASON
@click.option("-wait", "--wait", "patient", is_flag=True, help="Until the old content is back everywhere.")
@NAME
@pass_given
def abort(given: Given, entry: str, version: int | None, reason: str, patient: bool) -> int:
    """Stop the rollout of NAME and bring the old content back. With -wait it ends with 1 where a node is not back."""
    return _steer(given, entry, version, "abort", reason, patient)


def _steer(given: Given, entry: str, version: int | None, to: Steer, reason: str, patient: bool = False) -> int:
    from pycluster.cli.configchanges import author_of

    printer = Printer(given)
    with StateClient(*targets.chosen(given)) as asked:
        ask = {"pause": asked.rollouts.pause, "resume": asked.rollouts.resume, "abort": asked.rollouts.abort}[to]
        view = ask(entry, version or 0, author=author_of(None), reason=reason)
        if patient:
            view = asked.rollouts.wait(entry, view.version)
    state = "is being aborted" if view.wish and view.state not in OVER else f"is {view.state}"
    lines = [] if printer.quiet else [f"{view.name}: the rollout of version {view.version} {state}"]
    # Of one that is stopped, who failed is who has not got the old content back.
    failed = [one for one in view.lanes if one.state == "failed"] if patient else []
    lines += [printable(f"{one.node}: {one.problem}").replace("\n", " ") for one in failed]
    printer.answer(view, lines=lambda: lines, names=[view.name])
    return Exit.FAILED if failed else Exit.DONE
