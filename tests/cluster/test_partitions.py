"""A cut network: the minority has no leader and says why, nobody acts twice, and healing leaves one leader."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.cluster.hosts import needs_network
from tests.cluster.partition import five_voters

pytestmark = pytest.mark.root


def test_five_voters_cut_two_from_three_and_healed_three_times(tmp_path: Path) -> None:
    needs_network()
    rng = Random(5)
    with five_voters(tmp_path) as cluster:
        for _ in range(3):
            cluster.cut_and_heal(rng)
