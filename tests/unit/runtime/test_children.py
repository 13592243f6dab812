"""A command with a time limit: whoever wanted it may go before it ends."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from pathlib import Path

from pycluster.runtime.children import Child, _end
from tests.unit.runtime.waiting import until


def test_it_does_not_outlive_whoever_wanted_it(tmp_path: Path) -> None:
    told = tmp_path / "pid"

    async def story() -> int:
        script = f"trap '' TERM; echo $$ > {told}.new; mv {told}.new {told}; sleep 600 & wait; sleep 600"
        running = asyncio.ensure_future(Child(("/bin/sh", "-c", script), {"PATH": "/usr/bin:/bin"}, 600.0).run())
        await until(told.exists)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        return int(told.read_text())

    pid = asyncio.run(story())
    asyncio.run(until(lambda: gone(pid)))


def test_whoever_has_no_time_left_kills_it_at_once_and_what_it_started(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 600 & echo $!; wait"
    child = subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    pid = int(child.stdout.readline())
    child.stdout.close()

    async def story() -> None:
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ending = asyncio.ensure_future(_end(child.pid, never, grace_s=600.0))
        await asyncio.sleep(0)
        ending.cancel()
        await asyncio.wait({ending}, timeout=60)
        assert ending.cancelled()
        await until(lambda: gone(pid))

    asyncio.run(story())
    child.wait(60)


def gone(pid: int) -> bool:
    """Nobody may be there to hear of its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second: between opening it and reading
        return True


def test_one_that_not_even_sigkill_ends_holds_nobody_up() -> None:
    """It hangs in the kernel: its end is never told."""
    child = subprocess.Popen(["/bin/sleep", "600"], start_new_session=True)

    async def story() -> None:
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await asyncio.wait_for(_end(child.pid, never, grace_s=0.01, killed_s=0.01), 60)

    asyncio.run(story())
    child.wait(60)
