"""``settings check`` and ``settings show``."""

from __future__ import annotations

import os
import socket
import sys

import click

from pycluster.cli import targets
from pycluster.cli.command import Verb, Verbs
from pycluster.cli.exits import Exit, printable
from pycluster.cli.given import Given, pass_given
from pycluster.cli.options import AGENT, FORM, takes
from pycluster.cli.output import Printer
from pycluster.settings import Judge, Loaded, SettingsError, effective, load

PLACES = {
    "check": "pycluster.cli.configuration:check",
    "show": "pycluster.cli.configuration:show",
}


@click.group("settings", cls=Verbs, places=PLACES, no_args_is_help=False)
@takes(*AGENT, *FORM)
def settings() -> None:
    """The settings of a file or of a running agent."""


def _load(given: Given, judge: Judge | None = None) -> Loaded:
    flags = {name: given.text(name) for name in ("name", "data_dir") if given.text(name)}
    return load(given.config(os.environ), os.environ, flags, socket.gethostname(), judge)


@click.command("check", cls=Verb)
@takes(*AGENT, *FORM)
@pass_given
def check(given: Given) -> int:
    """Tell every mistake in a file at once. PYCLUSTER_* and flags are judged too. Ends with 2 when there is one."""
    from pycluster.agent import judge

    printer = Printer(given)
    problems: tuple[str, ...] = ()
    path = given.config(os.environ) or "cluster.conf"
    warnings: tuple[str, ...] = ()
    try:
        found = _load(given, judge)
        path, warnings = found.path, found.warnings
    except SettingsError as wrong:
        problems, warnings = wrong.problems, wrong.warnings
    where = path or "no file, the environment and the defaults"
    answer = {"path": path, "ok": not problems, "problems": problems, "warnings": warnings}
    if printer.form in ("json", "jsonl", "yaml"):
        printer.answer(answer, lines=list)
    else:
        for line in problems:
            print(printable(line), file=sys.stderr)
        for line in warnings:
            printer.note(f"warning: {line}")
        if not problems and not printer.quiet:
            print(printable(f"{where}: no mistakes"), flush=True)
    return Exit.USAGE if problems else Exit.DONE


@click.command("show", cls=Verb)
@takes(*AGENT, *FORM)
@pass_given
def show(given: Given) -> int:
    """The settings of the running agent, each with its source. With -config, those of the file."""
    printer = Printer(given)
    found = effective(_load(given)) if given.text("config") else targets.client(given).settings()
    rows = [(name, *_value_and_source(shown)) for name, shown in found.items()]
    printer.answer(found, lines=lambda: printer.table(("SETTING", "VALUE", "FROM"), rows), names=list(found))
    return Exit.DONE


def _value_and_source(shown: object) -> tuple[str, str]:
    if not isinstance(shown, dict) or "value" not in shown:
        return _text(shown), ""
    return _text(shown["value"]), _text(shown.get("source", ""))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_text(item)}" for key, item in value.items())
    return "" if value is None else str(value)
