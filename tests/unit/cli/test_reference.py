"""docs/reference/cli.md names every verb and option of the code, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from pycluster.cli.command import Verbs
from pycluster.cli.exits import Exit
from pycluster.cli.given import FORMS, Given
from pycluster.cli.options import HARMLESS
from pycluster.cli.program import program

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "cli.md").read_text()
OPTION = re.compile(r"`(-[a-z-]+)(?: [^`]+)?`")


def verbs(group: Verbs, path: str = "pycluster") -> dict[str, click.Command]:
    """Every verb by its full path."""
    context = click.Context(group, obj=Given())
    found: dict[str, click.Command] = {}
    for name in group.list_commands(context):
        verb = group.get_command(context, name)
        assert verb is not None
        found |= verbs(verb, f"{path} {name}") if isinstance(verb, Verbs) else {f"{path} {name}": verb}
    return found


VERBS = verbs(program)
SECTIONS = dict(re.findall(r"^### `([^`\n]+)`\n(.*?)(?=^### |\Z)", PAGE, re.MULTILINE | re.DOTALL))
SHARED = PAGE.partition("## Options of all verbs")[2].partition("\n## ")[0]


def table(text: str) -> set[str]:
    """The options in the first columns of a text's tables."""
    cells = re.findall(r"^\| (.+?) \| ", text, re.MULTILINE)
    return {option for cell in cells for option in OPTION.findall(cell)}


def options(verb: click.Command, *, own: bool) -> set[str]:
    """A verb's options as people write them, with one dash; its ``own`` or also those that all verbs share."""
    params = [param for param in verb.params if isinstance(param, click.Option)]
    kept = [param for param in params if not own or verb.name in ("agent", "demo") or param.name not in HARMLESS]
    return {form for param in kept for form in param.opts if not form.startswith("--")}


def test_every_verb_has_its_section_and_no_other_is_there() -> None:
    assert sorted(SECTIONS) == sorted(VERBS)


@pytest.mark.parametrize("path", list(VERBS))
def test_a_verbs_section_lists_its_options_and_no_others(path: str) -> None:
    assert table(SECTIONS[path]) == options(VERBS[path], own=True)


def test_the_shared_options_are_listed_once() -> None:
    assert table(SHARED) == options(VERBS["pycluster health"], own=False) | {"-h", "-help"}


def test_every_verb_that_asks_an_agent_takes_the_shared_options() -> None:
    without = {"pycluster agent", "pycluster demo", "pycluster completion"}
    for path, verb in VERBS.items():
        if path not in without:
            assert {param.name for param in verb.params} >= HARMLESS, path


def test_every_form_and_every_exit_code_is_explained() -> None:
    forms = PAGE.partition("## Forms")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z]+)` \|", forms, re.MULTILINE) == list(FORMS)
    codes = PAGE.partition("## Exit codes")[2].partition("\n## ")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", codes, re.MULTILINE)] == sorted(Exit)
