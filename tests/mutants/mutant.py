"""A mutant: one line of the cores broken on purpose, and where the checkers are to notice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "pycluster"
#: How long one hunt may take, seconds.
_PATIENCE_S = 1_800


class Mutant(msgspec.Struct, frozen=True):
    """One seeded defect: in ``file`` (under ``src/pycluster``) the only ``old`` becomes ``new``.

    It is hunted with ``scenario`` (a function of a module of plots, see ``child``), or with the
    simulator's seeds where that is empty, ``tries`` of them from 1 on; ``nodes`` fixes how many nodes a seed has, 0
    lets it draw.
    """

    name: str
    breaks: str
    file: str
    old: str
    new: str
    scenario: str = ""
    tries: int = 200
    nodes: int = 0


class Kill(msgspec.Struct, frozen=True):
    """Who caught a mutant: the rule that was violated, by which seed, and when (virtual µs)."""

    seed: int
    rule: str
    text: str
    at_us: int


def occurrences(mutant: Mutant) -> int:
    """How often the text that it replaces stands in today's source; anything but 1 is a stale catalogue."""
    return (SOURCE / mutant.file).read_text().count(mutant.old)


def planted(mutant: Mutant | None, folder: Path) -> Path:
    """A copy of the product in ``folder`` with that one defect, or with none; gives what goes on the path."""
    copy = folder / "pycluster"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__", "static"))
    if mutant is not None:
        assert occurrences(mutant) == 1, f"{mutant.name}: its text stands {occurrences(mutant)} times in {mutant.file}"
        path = copy / mutant.file
        path.write_text(path.read_text().replace(mutant.old, mutant.new))
    return folder


def hunt(mutant: Mutant, path: Path, first: int = 1, tries: int = 0) -> Kill | None:
    """Run the simulator on the product in ``path`` until a checker objects; None where none did in all tries.

    Raises RuntimeError where the child itself came to grief.
    """
    command = [sys.executable, "-m", "tests.mutants.child", str(first), str(tries or mutant.tries), str(mutant.nodes)]
    command += [mutant.scenario] if mutant.scenario else []
    environment = {**os.environ, "PYTHONPATH": f"{path}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{mutant.name}: {done.stderr.strip()[-2000:]}")
    found = json.loads(done.stdout)
    return msgspec.convert(found, Kill) if found else None
