"""What a cut cluster answers: the minority nothing, the majority as if nothing were; one linear history."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import histories
from tests.cluster.hosts import needs_network


@pytest.mark.root
@pytest.mark.slow
def test_what_a_cut_cluster_answers_is_linearizable(tmp_path: Path) -> None:
    needs_network()
    figures = histories.play(tmp_path, seed=11)
    assert int(figures["refused or unknown"]) > 0
