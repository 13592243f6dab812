"""An agent takes the open files that it may need, and keeps half of them from strangers."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from pycluster.runtime.descriptors import raise_limit, share


@pytest.fixture
def hard() -> Iterator[int]:
    """The hard limit; the soft one is put back afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_low_limit_is_raised_as_far_as_is_needed(hard: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    raise_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (4_096 if hard < 0 else min(4_096, hard), hard)


def test_strangers_get_half_of_what_there_is(hard: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    assert (share(1_024), share(100)) == (256, 100)
