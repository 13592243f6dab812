"""Compiled or not, it is the same program: a seed makes the same cluster do the same, to the last event."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.agents import environment
from tests.program import COMPILED, ROOT, SOURCES


def told(program: Path, seed: int) -> str:
    """How that seed ended: a digest of all that happened, and how many events that were."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pycluster.simulator.run", "--seed", str(seed)],
        cwd=ROOT,
        env=environment(PYTHONPATH=str(program)),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    found = re.search(r"^digest \S+, \d+ events.*$", done.stdout, re.MULTILINE)
    assert found is not None
    return found.group()


@pytest.mark.parametrize("seed", range(1, 11))
def test_a_seed_ends_alike(seed: int) -> None:
    assert told(COMPILED, seed) == told(SOURCES, seed)
