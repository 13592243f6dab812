"""A bad configuration of real HAProxies stops at the canary, is taken back, and is told with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import canary
from tests.cluster.loads import missing


@pytest.mark.slow
@pytest.mark.skipif(bool(missing("haproxy")), reason=missing("haproxy"))
@pytest.mark.parametrize(
    ("bad", "engine", "count"), [("refused", "embedded", 10), ("broken", "embedded", 4), ("refused", "etcd", 4)]
)
def test_what_haproxy_does_not_take_stops_at_the_canary(
    tmp_path: Path, bad: canary.Bad, engine: str, count: int
) -> None:
    # What is refused is told at once; what is broken only then, so the time must be enough for a first probe.
    told = canary.play(tmp_path, count, bad, engine, timeout_s=40 if bad == "refused" else 25)
    assert (told["exit code"], told["others touched"], told["requests failed"]) == (1, 0, 0)
