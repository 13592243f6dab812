"""The page's own sources against what they repeat of the rest: kinds of events, states, verbs of the command line."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import msgspec
import pytest

import pycluster.web
from pycluster.cli import main
from pycluster.node.view import Counts

ROOT = Path(__file__).resolve().parents[3]
STATIC = Path(pycluster.web.__file__).parent / "static"
SOURCES = [path for path in STATIC.rglob("*.js") if "vendor" not in path.parts]


def commands() -> list[str]:
    """Every command line that the page recommends."""
    text = (STATIC / "commands.js").read_text()
    return [
        *re.findall(r'"(pycluster [^"]+)"', text),
        "pycluster explain node node001",
        *(
            f"pycluster kv {verb}"
            for verb in (
                "list",
                "watch -prefix",
                "get -rev 1",
                "put -if-rev 1 -lease 1",
                "put -if-absent",
                "del -if-rev 1",
            )
        ),
        *(
            f"pycluster config {verb}"
            for verb in (
                "list web/",
                "watch web/",
                "get -version 1 a",
                "history a",
                "diff -from 1 -to 2 a",
                "put -if-version 1 -format yaml --author ada --reason why a",
                "rollback -to 1 -if-version 2 --author ada --reason why a",
                "del -if-version 1 --author ada --reason why a",
                "effective node001 a",
                "render -dry-run -diff web",
                "put -if-version 1 -rollout canary=1 --author ada --reason why a",
                "validate -format yaml a",
                "rollout show -version 1 a",
                "rollout pause -version 1 --reason why a",
                "rollout resume -version 1 --reason why a",
                "rollout abort -version 1 --reason why a",
            )
        ),
        "pycluster raft transfer node001",
        "pycluster raft remove node001",
    ]


def test_the_page_listens_to_every_kind_of_event() -> None:
    """EventSource tells only the kinds it is asked for: one that is missing here would never be seen."""
    told = re.search(r"KINDS = \{(.*?)\n\}", (STATIC / "kinds.js").read_text(), re.DOTALL)
    assert told is not None
    listened = set(re.findall(r'^ *"?([\w-]+)"?: "', told.group(1), re.MULTILINE))
    documented = (ROOT / "docs" / "reference" / "events.md").read_text().partition("## Members")[2]
    assert listened == set(re.findall(r"^\| `([\w-]+)` \|", documented, re.MULTILINE))


def test_every_state_has_a_sign_of_its_own() -> None:
    shapes = re.search(r"SHAPES = \{(.*?)\n\}", (STATIC / "parts" / "glyphs.js").read_text(), re.DOTALL)
    assert shapes is not None
    drawn = dict(re.findall(r"^  (\w+): \(\) => html`(.*?)`,$", shapes.group(1), re.MULTILINE))
    assert set(drawn) == {field.name for field in msgspec.structs.fields(Counts)}
    assert len(set(drawn.values())) == len(drawn)


@pytest.mark.parametrize("command", commands())
def test_every_command_that_the_page_recommends_exists(command: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == "pycluster"
    with contextlib.redirect_stdout(io.StringIO()) as told:
        assert main([*arguments, "--help"]) == 0
    assert "Usage:" in told.getvalue()


def test_no_source_makes_markup_of_data() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySet|\beval\(|new Function"
    )
    assert [path.name for path in SOURCES if forbidden.search(path.read_text())] == []


def test_no_markup_carries_a_style_or_a_handler_that_the_policy_would_stop() -> None:
    inline = re.compile(r"""\sstyle=["']|\son[a-z]+=["']""")
    sources = [*SOURCES, STATIC / "index.html"]
    assert [path.name for path in sources if inline.search(path.read_text())] == []


def test_every_source_is_fetched_at_once_not_one_after_the_other() -> None:
    index = (STATIC / "index.html").read_text()
    named = set(re.findall(r'(?:src|href)="/static/([^"]+\.m?js)"', index))
    assert named == {str(path.relative_to(STATIC)) for path in [*STATIC.rglob("*.js"), *STATIC.rglob("*.mjs")]}


def test_every_source_says_what_it_is_for() -> None:
    assert [path.name for path in SOURCES if not path.read_text().startswith("// ")] == []
