"""Parameters have bounds, and every mistake is named at once."""

from __future__ import annotations

import msgspec
import pytest

from pycluster.kernel.errors import LocalMisuse
from pycluster.membership.params import BOUNDS, Params


def test_every_parameter_has_bounds_and_its_default_lies_within() -> None:
    assert set(BOUNDS) == set(Params.__struct_fields__)
    defaults = msgspec.structs.asdict(Params())
    assert all(low <= defaults[name] <= high for name, (low, high) in BOUNDS.items())


@pytest.mark.parametrize("name", BOUNDS)
def test_what_lies_outside_is_refused_and_named(name: str) -> None:
    low, high = BOUNDS[name]
    for value in (low - 1, high + 1):
        with pytest.raises(LocalMisuse) as error:
            Params(**{name: value})  # type: ignore[arg-type]
        assert f"{name} = {value} must lie in {low} to {high}" in error.value.why


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(LocalMisuse) as error:
        Params(gossip_interval_ms=0, reconnect_interval_ms=0)
    assert "gossip_interval_ms" in error.value.why
    assert "reconnect_interval_ms" in error.value.why


@pytest.mark.parametrize(
    "wrong",
    [
        {"ack_timeout_ms": 1_000},
        {"ack_timeout_min_ms": 600},
        {"reconnect_interval_ms": 16_000},
        {"refused_suspicion_ms": 1_300},
    ],
)
def test_what_does_not_fit_together_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(LocalMisuse):
        Params(**wrong)
