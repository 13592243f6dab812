"""``lease keep-alive``: what is tried again, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pycluster import store
from pycluster.cli.leases import kept
from pycluster.client import AgentUnreachable, NotFound
from pycluster.kernel.errors import PyClusterError
from tests.unit.cli.console import run
from tests.unit.web.fake import Agent


class Renewals:
    """Each try gives nine seconds, or raises the next of ``errors``; it takes as long as ``slow_s``."""

    def __init__(self, *errors: PyClusterError | None, slow_s: float = 0.0) -> None:
        self.errors = list(errors)
        self.slow_s = slow_s
        self.now_s = 100.0
        self.tried_at: list[float] = []
        self.notes: list[str] = []

    def renew(self) -> int:
        self.tried_at.append(self.now_s - 100)
        self.now_s += self.slow_s
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return 9

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def kept(self) -> Iterator[int]:
        return kept(self.renew, self.notes.append, lambda: self.now_s, self.sleep)


UNREACHABLE = AgentUnreachable("no agent answers")


def test_a_renewal_that_fails_is_tried_again_and_noted() -> None:
    fake = Renewals(None, UNREACHABLE, UNREACHABLE)
    renewed = fake.kept()
    assert [next(renewed) for _ in range(3)] == [9, 9, 9]
    assert fake.tried_at == [0, 3, 4, 5, 8]
    assert fake.notes == [f"not renewed, it is tried again for {left} s: no agent answers" for left in (6, 5)]


def test_it_ends_once_the_lease_may_have_ended() -> None:
    fake = Renewals(None, *[UNREACHABLE] * 20, slow_s=0.5)
    renewed = fake.kept()
    assert next(renewed) == 9
    with pytest.raises(AgentUnreachable):
        next(renewed)
    assert fake.now_s - 100 == pytest.approx(9.5)


@pytest.mark.parametrize("errors", [(UNREACHABLE,), (None, NotFound("there is no such lease"))])
def test_it_ends_at_once_where_it_was_never_renewed_or_the_lease_has_ended(
    errors: tuple[PyClusterError | None],
) -> None:
    fake = Renewals(*errors)
    with pytest.raises(PyClusterError):
        list(fake.kept())
    assert (fake.errors, fake.notes) == ([], [])


def test_once_is_tried_once(agent: Agent) -> None:
    lease = run("lease", "grant", "1m", "-o", "name").out.strip()
    agent.state.failures = [store.Failure("no-space")]
    assert run("lease", "keep-alive", lease, "-once").code == 1
    assert run("lease", "keep-alive", lease, "-once").code == 0
