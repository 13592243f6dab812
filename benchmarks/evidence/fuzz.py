"""Coverage-guided fuzzing: one round is one decoder for a minute (``--seconds N`` for longer); nothing may be found.

atheris runs in an environment of its own: ``--python PATH`` names one that has it, if this one has not.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import partial

from benchmarks.evidence.notebook import ROOT, Notebook
from tests.fuzz.targets import TARGETS

_SECONDS = 60
#: What the start, the seeds and the last input may take beyond that.
_PATIENCE_S = 120
_TOTALS = re.compile(r"#(\d+)\s+DONE\s+cov: (\d+) ft: (\d+) corp: (\d+)/\S+.*exec/s: (\d+) rss: (\d+)Mb")
_BEGUN = re.compile(r"INITED cov: (\d+)")


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """Round n is the n-th target."""
    parser = argparse.ArgumentParser(prog="make evidence BAR=fuzz ARGS=")
    parser.add_argument("--seconds", type=int, default=_SECONDS)
    parser.add_argument("--python", default=sys.executable)
    given = parser.parse_args(options)
    for number in numbers:
        notebook.play(number, partial(fuzz, list(TARGETS)[number - 1], given.seconds, given.python))


def fuzz(name: str, seconds: int, python: str) -> dict[str, float | int | str]:
    """The figures of one target; a crash, a leak or a hang is its failure."""
    done = subprocess.run(
        [python, "-m", "tests.fuzz", name, "--seconds", str(seconds)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"src{os.pathsep}."},
        capture_output=True,
        check=False,
        text=True,
        errors="replace",
        timeout=seconds + _PATIENCE_S,
    )
    told = done.stdout + done.stderr
    totals, begun = _TOTALS.search(told), _BEGUN.search(told)
    assert done.returncode == 0, f"{name}: exit {done.returncode}\n{told[-2_000:]}"
    assert totals is not None, f"{name}: libFuzzer gave no totals\n{told[-2_000:]}"
    assert begun is not None, f"{name}: libFuzzer did not begin\n{told[-2_000:]}"
    runs, edges, features, kept, rate, rss = map(int, totals.groups())
    return {
        "target": name,
        "runs": runs,
        "runs a second": rate,
        "edges at the start": int(begun[1]),
        "edges": edges,
        "features": features,
        "inputs kept": kept,
        "peak MiB": rss,
    }
