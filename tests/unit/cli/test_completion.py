"""Completion by the shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.console import run
from tests.unit.web.fake import Agent


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_each_shell(shell: str) -> None:
    done = run("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert "_PYCLUSTER_COMPLETE" in done.out


def completed(words: str, **environment: str) -> list[str]:
    """What zsh would offer for the last word."""
    source = Path(__file__).resolve().parents[3] / "src"
    asking = {
        "PYTHONPATH": str(source),
        "_PYCLUSTER_COMPLETE": "zsh_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
        # Whoever sits at a shell waits for a second only, and is then offered nothing.
        "PYCLUSTER_TIMEOUT": "60s",
    }
    done = subprocess.run(
        [sys.executable, "-m", "pycluster"],
        env={**os.environ, **asking, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()[1::3]


def test_verbs_options_and_names_are_completed(agent: Agent) -> None:
    assert completed("pycluster mem") == ["members"]
    assert completed("pycluster settings ") == ["check", "show"]
    assert "--data-dir" in completed("pycluster status --da")
    assert completed("pycluster explain ") == ["leader", "node"]
    assert completed("pycluster explain node node00") == ["node001", "node002", "node003"]
    where = f"-data-dir {os.path.dirname(agent.path)}"
    assert completed(f"pycluster rtt {where} node003", PYCLUSTER_ADDR="") == ["node003"]


def test_without_an_agent_no_name_is_offered_and_nothing_is_said() -> None:
    assert completed("pycluster explain node node00") == []
