"""The parameters of entries: what cannot be is refused with its bounds."""

from __future__ import annotations

import pytest

from pycluster.configs import Params
from pycluster.controllers import Params as Pace
from pycluster.kernel.errors import LocalMisuse


@pytest.mark.parametrize("wrong", [{"batch_max": 41}, {"history_days": -1}, {"content_max_bytes": 0}])
def test_a_parameter_out_of_its_bounds_is_refused(wrong: dict[str, int]) -> None:
    (name,) = wrong
    with pytest.raises(LocalMisuse, match="not possible") as refused:
        Params(**wrong)
    assert refused.value.why.startswith(f"{name} = {wrong[name]} must lie in ")


@pytest.mark.parametrize("wrong", [{"gap_ms": 0}, {"backoff_max_ms": 1}, {"page_keys": 0}, {"keys_max": 0}])
def test_so_is_one_of_the_reconcilers_pace(wrong: dict[str, int]) -> None:
    with pytest.raises(LocalMisuse, match="not possible"):
        Pace(**wrong)
