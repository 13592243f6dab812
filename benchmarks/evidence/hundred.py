"""A hundred agents beside a hundred of Serf's, through ``benchmarks.peers``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import msgspec

from benchmarks.evidence.notebook import FOLDER, ROOT, Notebook
from benchmarks.peers import Result


class Figures(msgspec.Struct):
    """What ``benchmarks.peers`` leaves."""

    results: list[Result]


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """One round is one run of both systems; options go to ``benchmarks.peers``."""
    for number in numbers:
        notebook.play(number, lambda: measured(options))


def measured(options: Sequence[str]) -> dict[str, float | int | str]:
    """All figures of both systems, keyed by system."""
    out = FOLDER / "hundred.json"
    command = [sys.executable, "-m", "benchmarks.peers", "100", "--json", str(out), *options]
    done = subprocess.run(command, cwd=ROOT, check=False)
    assert done.returncode == 0, "benchmarks.peers failed; what it printed is above"
    figures: dict[str, float | int | str] = {}
    for result in msgspec.json.decode(out.read_bytes(), type=Figures).results:
        figures[f"{result.system} formed s"] = round(result.formed_s, 2)
        figures[f"{result.system} CPU %"] = round(result.cpu_percent, 3)
        figures[f"{result.system} RSS MiB"] = round(result.rss_mib, 1)
        if result.bytes_per_s is not None:
            figures[f"{result.system} bytes/s"] = round(result.bytes_per_s)
        for name, values in (("detected s", result.detected_s), ("new leader s", result.new_leader_s)):
            if values:
                figures[f"{result.system} {name} (most)"] = round(max(values), 2)
    return figures
