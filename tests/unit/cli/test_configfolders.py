"""``config import`` in several steps, and beside others who write."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.console import run
from tests.unit.web.fake import Agent


def test_entries_in_folders_of_their_own_go_in_as_many_steps_as_their_conditions_need(
    agent: Agent, tmp_path: Path
) -> None:
    folder = tmp_path / "conf"
    for number in range(32):
        (folder / "a" / "b" / f"svc{number}").mkdir(parents=True)
        (folder / "a" / "b" / f"svc{number}" / "app.yaml").write_text("a: 1\n")
    done = run("config", "import", str(folder))
    assert done.err == "32 entries: 32 created, 0 changed, 0 unchanged, 0 deleted\n"
    assert agent.state.store.revision == 1 + 2, "two transactions"
