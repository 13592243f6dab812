"""How the code reads, measured: sizes, names, documented parameters."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.tidy.tree import ROOT, files_with, parsed, shown

FILE_LINES = 400
FUNCTION_LINES = 70
FORBIDDEN_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def body_lines(function: Function) -> int:
    """Lines from ``def`` to the end, less the docstring."""
    first = function.body[0]
    docstring = 0
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        docstring = (first.end_lineno or first.lineno) - first.lineno + 1
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def test_no_file_is_longer_than_400_lines() -> None:
    sources = [*files_with(".py", ".js", ".css", ".sh"), ROOT / "Makefile"]
    lengths = {shown(path): len(path.read_text().splitlines()) for path in sources if "vendor" not in path.parts}
    assert len(lengths) > 30
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES} == {}


def test_no_function_is_longer_than_70_lines() -> None:
    long = {
        f"{shown(path)}:{node.lineno} {node.name}": lines
        for path in files_with(".py")
        for node in ast.walk(parsed(path))
        if isinstance(node, Function) and (lines := body_lines(node)) > FUNCTION_LINES
    }
    assert long == {}


def test_every_module_is_named_after_a_noun_of_the_field() -> None:
    assert [shown(path) for path in files_with(".py") if FORBIDDEN_NAMES & {path.stem, *path.parts}] == []


def test_a_package_face_holds_no_code() -> None:
    allowed = ast.Import | ast.ImportFrom | ast.Expr | ast.Assign | ast.AnnAssign
    wrong = [
        f"{shown(path)}:{node.lineno}"
        for path in files_with(".py", under="src")
        if path.name == "__init__.py"
        for node in parsed(path).body
        if not isinstance(node, allowed) or (isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant))
    ]
    assert wrong == []


def test_whoever_decodes_expects_all_that_a_decoder_raises() -> None:
    """Bytes that are no text and nesting without end are not errors of the decoder's own kind."""
    wrong = [
        f"{shown(path)}:{node.lineno} {node.attr}: catch UNREADABLE of pycluster.kernel.bounded"
        for path in files_with(".py", under="src")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and node.attr in ("DecodeError", "MsgspecError") and path.stem != "bounded"
    ]
    assert wrong == []


def test_nothing_is_imported_for_types_only_and_nothing_is_patched() -> None:
    wrong = []
    for path in files_with(".py"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Name) and node.id == "TYPE_CHECKING":
                wrong.append(f"{shown(path)}:{node.lineno} {node.id}")
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "monkeypatch.setattr":
                wrong.append(f"{shown(path)}:{node.lineno} setattr")
            if isinstance(node, ast.ImportFrom | ast.Import) and "unittest.mock" in ast.unparse(node):
                wrong.append(f"{shown(path)}:{node.lineno} {ast.unparse(node)}")
    assert wrong == []


def params_classes() -> list[tuple[Path, ast.ClassDef]]:
    return [
        (path, node)
        for path in files_with(".py", under="src")
        for node in parsed(path).body
        if isinstance(node, ast.ClassDef) and node.name == "Params"
    ]


@pytest.mark.parametrize("found", params_classes(), ids=lambda found: shown(found[0]))
def test_every_parameter_says_what_it_means(found: tuple[Path, ast.ClassDef]) -> None:
    _, params = found
    text = ast.get_docstring(params) or ""
    fields = [
        node.target.id for node in params.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    assert fields
    assert [name for name in fields if f"``{name}``" not in text] == []


def test_cores_and_node_have_parameters_to_check() -> None:
    assert {path.parent.name for path, _ in params_classes()} >= {"membership", "consensus", "node"}


#: Modules that are a seam of their own, imported as such; ``kernel`` has no face at all.
SEAMS = {"node.events", "node.effects", "node.view", "node.ports"}


def face(package: str) -> set[str]:
    """The names that a package offers."""
    path = ROOT / "src" / "pycluster" / package / "__init__.py"
    imports = [node for node in parsed(path).body if isinstance(node, ast.ImportFrom)] if path.exists() else []
    return {alias.asname or alias.name for node in imports for alias in node.names}


def test_nobody_goes_around_a_package_face() -> None:
    around = []
    for path in files_with(".py", under="src/pycluster"):
        own = path.relative_to(ROOT / "src" / "pycluster").parts[0]
        for node in ast.walk(parsed(path)):
            parts = node.module.split(".") if isinstance(node, ast.ImportFrom) and node.module else []
            if (
                parts[:1] != ["pycluster"]
                or len(parts) < 3
                or parts[1] in (own, "kernel")
                or ".".join(parts[1:3]) in SEAMS
            ):
                continue
            assert isinstance(node, ast.ImportFrom)
            offered = {alias.name for alias in node.names} & face(parts[1])
            if offered:
                around.append(f"{shown(path)}:{node.lineno} {node.module}: {', '.join(sorted(offered))}")
    assert around == []
