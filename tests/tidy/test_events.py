"""The event reference and the code name the same kinds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.tidy.tree import ROOT, files_with, parsed

#: Whoever says what happened, and which of its arguments is the kind.
SPEAKERS = {
    "event": 0,
    "publish": 0,
    "notify": 0,
    "notify_once": 0,
    "Notify": 0,
    "say": 0,
    "_say": 0,
    "Change": 1,
    "Rejected": 0,
}
KIND = re.compile(r"[a-z]+(-[a-z]+)*")


def spoken() -> Iterator[str]:
    """Every kind that is written out where something is told."""
    for path in files_with(".py", under="src"):
        if {"simulator", "cli"} & set(path.parts):
            continue
        named = {
            node.targets[0].id: node.value
            for node in parsed(path).body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                place = SPEAKERS.get(name)
                if place is not None and len(node.args) > place:
                    kind = node.args[place]
                    yield from constants(named.get(kind.id, kind) if isinstance(kind, ast.Name) else kind)
            elif isinstance(node, ast.Return) and path.name == "narrate.py" and node.value is not None:
                yield from constants(node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value)


def constants(node: ast.expr) -> Iterator[str]:
    """A string written out, or either of two."""
    if isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and KIND.fullmatch(node.value):
        yield node.value


def documented() -> list[str]:
    """The first column of the reference's tables of kinds."""
    text = (ROOT / "docs" / "reference" / "events.md").read_text().partition("## Members")[2]
    return re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)


def test_every_kind_that_the_code_tells_is_documented() -> None:
    kinds = set(spoken())
    assert len(kinds) > 20
    assert sorted(kinds - set(documented())) == []


def test_every_documented_kind_is_told_and_stands_once() -> None:
    kinds = documented()
    assert sorted(set(kinds) - set(spoken())) == []
    assert len(kinds) == len(set(kinds))
