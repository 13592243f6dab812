"""Three agents with the origin's file and flags: discovery, election, failover, and leadership given back once."""

from __future__ import annotations

from pathlib import Path

from tests.cluster import three
from tests.cluster.agents import fleet, wait_for


def test_the_leader_dies_the_next_leads_and_the_first_leads_again_once(tmp_path: Path) -> None:
    figures = three.play(tmp_path, timed=False)
    assert set(figures) >= {"formed s", "new leader after kill -9 s", "returned leads again s"}


def test_the_console_speaks_the_origins_words(tmp_path: Path) -> None:
    agents = one, two, _ = three.agents_on(tmp_path, three.HOSTS)
    with fleet(*agents):
        three.formed(agents)
        one.wait_says("- node002 (State: follower, Last seen: ")
        block = wait_for("a status block that names the leader", lambda: leading_block(one.out.read_text()))
        assert block[:4] == [
            "Cluster Status:",
            "Local node: node001 (State: leader)",
            "Leader: node001",
            "Cluster nodes:",
        ]
        assert [line.partition(", Last seen: ")[0] for line in block[4:6]] == [
            "- node002 (State: follower",
            "- node003 (State: follower",
        ]
        assert "Cluster Status:" not in one.err.read_text()
        assert "New node discovered" not in one.out.read_text()
        two.wait_says("Updated node node003 state to follower")


def leading_block(text: str) -> list[str] | None:
    """The newest whole status block that shows a leader and two followers."""
    for block in reversed(text.split("\n\n")):
        lines = block.strip().splitlines()
        if len(lines) == 6 and lines[2] == "Leader: node001" and all("follower" in line for line in lines[4:]):
            return lines
    return None
