"""When a lease is renewed, and when it counts as lost, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from pycluster import store
from pycluster.client import AgentUnreachable, Denied, Lost, NotFound
from pycluster.client.leasing import AsyncLease
from pycluster.kernel.errors import LocalMisuse, PyClusterError
from tests.unit.virtual import in_virtual_time


class FakeGranter:
    """Grants 9 seconds. ``errors`` are raised by the next renewals, None lets one through."""

    def __init__(self, *errors: PyClusterError | None, then: PyClusterError | None = None) -> None:
        self.errors = list(errors)
        self.then = then
        self.renewed_at: list[float] = []
        self.revoked = False
        self.revoke_errors: list[PyClusterError] = []
        self.grant_s = 0.0

    async def grant(self, ttl_s: int, *, timeout_s: float | None = None) -> store.LeaseGrantResult:
        await asyncio.sleep(self.grant_s)
        return store.LeaseGrantResult(1, 7, 9)

    async def keep_alive(self, id: int, *, timeout_s: float | None = None) -> int:
        assert timeout_s is not None and 0 < timeout_s <= 9
        self.renewed_at.append(asyncio.get_running_loop().time())
        error = self.errors.pop(0) if self.errors else self.then
        if error is not None:
            raise error
        return 9

    async def revoke(self, id: int) -> int:
        if self.revoke_errors:
            raise self.revoke_errors.pop(0)
        self.revoked = True
        return 1


UNREACHABLE = AgentUnreachable("no agent answers")


def test_it_is_renewed_three_times_in_its_time_and_revoked_at_the_end() -> None:
    async def work(clock: Callable[[], float]) -> None:
        granter = FakeGranter()
        async with AsyncLease(granter, 5, clock=clock) as lease:
            await asyncio.sleep(31)
            assert lease.held
        assert granter.renewed_at == pytest.approx(range(3, 31, 3))
        assert granter.revoked and not lease.held

    in_virtual_time(work)


@pytest.mark.parametrize(("grant_s", "revoked", "ended_s"), [(1.5, True, 1.5), (60.0, False, 3.0)])
def test_whoever_gives_up_before_it_is_granted_leaves_none_behind(
    grant_s: float, revoked: bool, ended_s: float
) -> None:
    async def work(clock: Callable[[], float]) -> None:
        granter = FakeGranter()
        granter.grant_s = grant_s
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0), AsyncLease(granter, 9, clock=clock):
                pass
        assert granter.revoked == revoked and clock() == pytest.approx(ended_s)
        assert len(asyncio.all_tasks()) == 1

    in_virtual_time(work)


def test_failed_renewals_are_repeated_more_quickly_and_do_no_harm_while_time_is_left() -> None:
    async def work(clock: Callable[[], float]) -> None:
        granter = FakeGranter(UNREACHABLE, UNREACHABLE, UNREACHABLE)
        async with AsyncLease(granter, 5, clock=clock) as lease:
            await asyncio.sleep(20)
            assert lease.held
        assert granter.renewed_at[:5] == pytest.approx([3, 4, 5, 6, 9])

    in_virtual_time(work)


def test_it_is_lost_as_long_after_its_last_renewal_as_it_lasts() -> None:
    async def work(clock: Callable[[], float]) -> None:
        lease = AsyncLease(FakeGranter(None, None, then=UNREACHABLE), 5, clock=clock)
        await lease.begin()
        assert await lease.lost() == "it could not be renewed in time"
        assert clock() == pytest.approx(6 + 9, abs=0.1)
        with pytest.raises(Lost):
            lease.check()
        await lease.end()

    in_virtual_time(work)


def test_a_loop_that_was_held_up_for_too_long_finds_it_lost_at_once() -> None:
    late = 0.0

    async def work(clock: Callable[[], float]) -> None:
        nonlocal late
        lease = AsyncLease(FakeGranter(), 5, clock=lambda: clock() + late)
        await lease.begin()
        assert lease.held
        late = 9.0  # nothing else ran meanwhile
        assert not lease.held
        await lease.end()

    in_virtual_time(work)


@pytest.mark.parametrize(
    ("error", "reason"), [(NotFound("there is no such lease"), "it has ended"), (Denied("not you"), "not you")]
)
def test_what_the_state_says_counts_at_once(error: PyClusterError, reason: str) -> None:
    async def work(clock: Callable[[], float]) -> None:
        lease = AsyncLease(FakeGranter(error), 5, clock=clock)
        await lease.begin()
        assert await lease.lost() == reason
        assert clock() == pytest.approx(3)
        with pytest.raises(Lost, match=reason):
            await lease.__aexit__(None, None, None)

    in_virtual_time(work)


def test_it_is_lost_when_the_further_check_says_so() -> None:
    async def gone() -> str:
        return "its key was deleted"

    async def work(clock: Callable[[], float]) -> None:
        lease = AsyncLease(FakeGranter(), 5, gone, clock)
        await lease.begin()
        assert await lease.lost() == "its key was deleted"
        await lease.end()

    in_virtual_time(work)


def test_a_further_check_that_hangs_keeps_nobody_from_knowing_that_it_may_be_lost() -> None:
    async def hung() -> str:
        await asyncio.sleep(60)
        return ""

    async def work(clock: Callable[[], float]) -> None:
        lease = AsyncLease(FakeGranter(), 5, hung, clock)
        await lease.begin()
        assert await lease.lost() == "it could not be renewed in time"
        assert clock() == pytest.approx(9, abs=0.1)
        await lease.end()

    in_virtual_time(work)


def test_a_further_check_that_hangs_for_less_is_made_again() -> None:
    asked = 0

    async def slow() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(5 if asked == 1 else 0)
        return ""

    async def work(clock: Callable[[], float]) -> None:
        lease = AsyncLease(FakeGranter(), 5, slow, clock)
        await lease.begin()
        await asyncio.sleep(30)
        assert lease.held and asked > 2
        await lease.end()

    in_virtual_time(work)


def test_of_two_who_begin_it_at_once_one_has_it_and_where_none_was_granted_it_may_be_begun_again() -> None:
    async def work(clock: Callable[[], float]) -> None:
        granter = FakeGranter()
        granter.grant_s = 60.0
        lease = AsyncLease(granter, 9, clock=clock)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await lease.begin()
        granter.grant_s = 1.5
        first, second = await asyncio.gather(lease.begin(), lease.begin(), return_exceptions=True)
        assert first is None and isinstance(second, LocalMisuse) and lease.held
        assert len(asyncio.all_tasks()) == 2, "who renews it, and we"
        await lease.end()

    in_virtual_time(work)


def test_one_that_could_not_be_revoked_is_revoked_when_asked_again_and_then_no_more() -> None:
    async def work(clock: Callable[[], float]) -> None:
        granter = FakeGranter()
        granter.revoke_errors = [UNREACHABLE, UNREACHABLE]
        async with AsyncLease(granter, 9, clock=clock) as lease:
            with pytest.raises(AgentUnreachable):
                await lease.end()
            with pytest.raises(AgentUnreachable):
                await lease.end()
        assert granter.revoked and not lease.owed
        granter.revoked = False
        await lease.end()
        assert not granter.revoked

    in_virtual_time(work)


def test_one_that_had_ended_when_it_was_to_be_revoked_is_asked_for_no_more() -> None:
    async def work(clock: Callable[[], float]) -> None:
        granter = FakeGranter()
        granter.revoke_errors = [UNREACHABLE, NotFound("there is no such lease")]
        lease = AsyncLease(granter, 9, clock=clock)
        await lease.begin()
        with pytest.raises(AgentUnreachable):
            await lease.end()
        await lease.end()
        await lease.end()
        assert not granter.revoked and not lease.owed

    in_virtual_time(work)
