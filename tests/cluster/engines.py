"""The engine that agents keep the state in: their own, or an etcd beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.differential import etcd
from tests.differential.engines import ENGINES, missing

#: For a test with ``engine`` among its arguments.
on_both_engines = pytest.mark.parametrize("engine", list(ENGINES))


@contextmanager
def keeping(engine: str, conf: Path) -> Iterator[None]:
    """``conf`` says so; an etcd runs meanwhile where it is to be."""
    if engine == "embedded":
        yield
        return
    if missing():
        pytest.skip(missing())
    with etcd.members(1) as (member,):
        member.start()
        etcd.await_health(member)
        with conf.open("a") as file:
            file.write(f"\n[state]\nengine = etcd\nendpoints = {member.url}\n")
        yield
