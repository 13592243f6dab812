"""What was acknowledged survives kill -9, whoever dies; what was not is made once, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.audience import play
from tests.cluster.crashes import KINDS, three_voters


@pytest.mark.slow
def test_no_acknowledged_write_is_lost_whoever_is_killed(tmp_path: Path) -> None:
    with three_voters(tmp_path) as crashes:
        for number, kind in enumerate(KINDS, 1):
            figures = crashes.round(number, kind)
            assert int(figures["writes"]) > 0


@pytest.mark.slow
def test_each_watcher_hears_each_change_once_and_in_order_whoever_is_killed(tmp_path: Path) -> None:
    audience = play(tmp_path, single=50, whole=3, per_s=200, writes=200)
    assert audience.writes >= 640
