"""The etcd that all of these share, or the reason why there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.differential.etcd import Etcd, running


@pytest.fixture
def etcd() -> Iterator[Etcd]:
    """An empty one."""
    if shutil.which("etcd") is None:
        pytest.skip("needs etcd, Debian's package etcd-server")
    with running() as process:
        yield process
