"""A hundred agents beside a hundred of Serf's, through ``benchmarks.peers``: what they cost while idle.

Promised: an idle agent without a vote takes no more processor time and sends no more bytes than Serf's; a voter takes
at most 1 % of a core; resident memory is at most 34 MiB, proportional memory at most 25 MiB.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Sequence

import msgspec

from benchmarks.evidence.notebook import FOLDER, ROOT, Notebook, Round
from benchmarks.evidence.promises import Promise, values
from benchmarks.result import Report

PROMISES = (
    Promise("PyCluster leader: CPU %", median=1.0),
    Promise("PyCluster voters: CPU %", median=1.0),
    Promise("PyCluster RSS MiB", median=34.0),
    Promise("PyCluster PSS MiB", median=25.0),
)


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """One round is one run of both systems, nobody lost; options go to ``benchmarks.peers``."""
    for number in numbers:
        notebook.play(number, lambda: measured(options))


def measured(options: Sequence[str]) -> dict[str, float | int | str]:
    """All figures of both systems, keyed by system."""
    out, plot = FOLDER / "hundred.json", FOLDER / "hundred.svg"
    command = [sys.executable, "-m", "benchmarks.peers", "100", "--json", str(out), "--plot", str(plot)]
    command += ["--rounds", "0", *options]
    done = subprocess.run(command, cwd=ROOT, check=False)
    assert done.returncode == 0, "benchmarks.peers failed; what it printed is above"
    figures: dict[str, float | int | str] = {}
    for result in msgspec.json.decode(out.read_bytes(), type=Report).results:
        title = result.system
        figures[f"{title} start CPU s"] = round(result.start_cpu_s, 3)
        figures[f"{title} formed s"] = round(result.formed_s, 2)
        figures[f"{title} RSS MiB"] = round(result.rss_mib, 1)
        figures[f"{title} PSS MiB"] = round(result.pss_mib, 1)
        for kind, part in result.parts.items():
            figures[f"{title} {kind}: CPU %"] = round(part.cpu_percent, 3)
            if part.sent is not None:
                figures[f"{title} {kind}: bytes/s"] = round(part.sent.udp + part.sent.tcp)
    return figures


def judge(rounds: list[Round]) -> list[str]:
    """The promises that the rounds break."""
    broken = [line for promise in PROMISES for line in promise.broken(rounds)]
    for figure in ("CPU %", "bytes/s"):
        ours, serfs = values(rounds, f"PyCluster non-voters: {figure}"), values(rounds, f"Serf all: {figure}")
        if ours and serfs and statistics.median(ours) > statistics.median(serfs):
            broken.append(f"non-voters: {figure} {statistics.median(ours):g}, Serf's {statistics.median(serfs):g}")
    return broken
