"""``make test-all`` skips nothing: the switch that it sets is tested here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy.tree import ROOT

SKIPPING = """
import pytest

def test_passes():
    pass

def test_skips():
    pytest.skip("no such peer")
"""


@pytest.mark.parametrize(("switch", "closing"), [("0", "1 passed, 1 skipped"), ("1", "1 failed, 1 passed")])
def test_a_skip_fails_where_nothing_may_skip(tmp_path: Path, switch: str, closing: str) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            "--rootdir",
            str(tmp_path),
            ".",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYCLUSTER_NO_SKIP": switch},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert closing in done.stdout
    assert ("no such peer" in done.stdout) is (switch == "1")
