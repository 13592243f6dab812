"""Hostile input against three real agents: the leader leads on, memory and log stay bounded, questions are answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import siege


@pytest.mark.slow
def test_the_leader_leads_on_whatever_is_thrown_at_the_agents(tmp_path: Path) -> None:
    plan = siege.Plan(
        datagrams=50_000, rate=4_000, openings=500, ghosts=200, growth_max_mib=8, lines_max=1_200, patient=True
    )
    figures = siege.play(tmp_path, plan)
    assert figures["datagrams"] == 50_000
