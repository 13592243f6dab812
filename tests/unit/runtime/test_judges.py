"""Judging in a child: the same verdicts, and whatever it takes ends there."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from pycluster.configs import Unfit
from pycluster.judging import Case, Edit
from pycluster.judging.judge import judge
from pycluster.kernel.errors import LocalFault
from pycluster.runtime.judges import ChildJudge

CASES = (
    Case("a", "yaml", ("x: 1", "y: 2"), (("@schema", "json", '{"required": ["x"]}'),)),
    Case("b", "json", ("{",)),
    Case("c@schema", "yaml", ("type: object",), is_schema=True),
    Case("d", "yaml", ("x: 1 # one", "y: [2]"), (("s", "yaml", "required: [z]"),), edits=(Edit(("y",), "[3]"),)),
    Case("e", "yaml", ("x: 1", "x: 2"), origins=True),
)


def test_a_child_says_what_this_process_would() -> None:
    assert asyncio.run(ChildJudge()(CASES)) == judge(CASES)


def test_a_pattern_that_never_ends_ends() -> None:
    never = Case("a", "json", (f'"{"a" * 60}!"',), (("@schema", "json", '{"pattern": "^(a+)+$"}'),))
    with pytest.raises(Unfit) as unfit:
        asyncio.run(ChildJudge(timeout_s=1)((never,)))
    assert unfit.value.problems == ("checking it takes more than 1 s; is there a pattern that never ends?",)
    with pytest.raises(Unfit) as unfit:
        asyncio.run(ChildJudge(timeout_s=600)((never,)))
    words = "checking it takes more time or memory than there is for it; is there a pattern that never ends?"
    assert unfit.value.problems == (words,), "its processor time is over long before"


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ("raise MemoryError", Unfit, "more time or memory"),
        ("import os; os.kill(os.getpid(), 24)", Unfit, "more time or memory"),
        ("raise ImportError('no such library')", LocalFault, "ImportError: no such library"),
    ],
)
def test_a_child_that_fails_says_whose_fault_it_is(script: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as failed:
        asyncio.run(ChildJudge((sys.executable, "-c", script))(CASES))
    assert words in f"{failed.value} {getattr(failed.value, 'why', '')}"


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(LocalFault, match="could not be checked"):
        asyncio.run(ChildJudge(("/nowhere/python",))(CASES))


def test_who_gives_up_leaves_no_child() -> None:
    async def play() -> None:
        sleeper = ChildJudge((sys.executable, "-c", "import time; time.sleep(600)"), timeout_s=600)
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await sleeper(CASES)
        assert time.monotonic() - begun < 300

    asyncio.run(play())


def test_reads_have_a_small_room_of_their_own() -> None:
    async def play() -> None:
        judge_ = ChildJudge.of_reads()
        done = await asyncio.gather(*(judge_(CASES[:1]) for _ in range(8)), return_exceptions=True)
        assert [one for one in done if not isinstance(one, LocalFault)] == [judge(CASES[:1])] * 5
        assert {str(one) for one in done if isinstance(one, LocalFault)} == {
            "the configuration could not be checked: 4 others wait for it already (try again later)"
        }

    asyncio.run(play())


def test_two_at_a_time_and_so_many_who_wait(tmp_path: Path) -> None:
    count = f"""
import os
open('{tmp_path}/%d' % os.getpid(), 'w').close()
assert len(os.listdir('{tmp_path}')) <= 2
os.unlink('{tmp_path}/%d' % os.getpid())
print('[]')
"""

    async def play() -> None:
        judge_ = ChildJudge((sys.executable, "-S", "-c", count))
        done = await asyncio.gather(*(judge_(()) for _ in range(70)), return_exceptions=True)
        assert [one for one in done if not isinstance(one, LocalFault)] == [()] * 66
        assert {str(one) for one in done if isinstance(one, LocalFault)} == {
            "the configuration could not be checked: 64 others wait for it already (try again later)"
        }

    asyncio.run(play())
