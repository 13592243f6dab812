"""Every test of the command line runs in a directory of its own, without an operator's settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.web.fake import Agent


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in [key for key in os.environ if key.startswith(("PYCLUSTER_", "NO_COLOR"))]:
        monkeypatch.delenv(key)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    """A fake agent that PYCLUSTER_ADDR names."""
    folder = tmp_path / "data"
    folder.mkdir()
    with Agent(folder) as running:
        monkeypatch.setenv("PYCLUSTER_ADDR", f"unix:{running.path}")
        yield running
