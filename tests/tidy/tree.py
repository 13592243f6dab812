"""The files of the project, as git sees them: tracked, or new and not ignored."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def files() -> tuple[Path, ...]:
    """Every file of the project, absolute."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return tuple(path for name in sorted(set(listed.split("\0"))) if name and (path := ROOT / name).is_file())


def files_with(*suffixes: str, under: str = "") -> list[Path]:
    """The project's files that end in one of ``suffixes``, below the folder ``under``."""
    return [path for path in files() if path.suffix in suffixes and path.is_relative_to(ROOT / under)]


def shown(path: Path) -> str:
    """``path`` as a reader of a failure wants it: relative to the project."""
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(), filename=str(path))


def texts() -> Iterator[tuple[Path, str]]:
    """Every text file that people wrote here: no lock, nothing vendored, no picture."""
    for path in files():
        if path.is_relative_to(ROOT / "locks") or "vendor" in path.parts:
            continue
        try:
            yield path, path.read_text()
        except UnicodeDecodeError:
            continue
