"""Rendering in a child: the same results, and one that takes the child away costs its own file only."""

from __future__ import annotations

import asyncio
import sys

import pytest

from pycluster.judging import Batch, Place, Rendered, Source
from pycluster.judging.rendering import render
from pycluster.kernel.errors import LocalFault
from pycluster.runtime.renders import ChildRenderer

NODE = Place("web1", "10.0.0.1:7946", "alive", "", "", {})
#: Renders what it is given by its own name and how many batches it had before, and dies of what is called so.
DIES = """
import os, sys, msgspec
from pycluster.judging import Batch, Rendered
def write(told):
    sys.stdout.buffer.write(len(told).to_bytes(4) + told)
    sys.stdout.buffer.flush()
batches = 0
while size := sys.stdin.buffer.read(4):
    given = sys.stdin.buffer.read(int.from_bytes(size))
    for one in msgspec.msgpack.decode(given, type=Batch).sources:
        if one.name.startswith("deadly"):
            os.kill(os.getpid(), 9)
        write(msgspec.msgpack.encode(Rendered(one.name, f"{one.name} {batches}")))
    write(b"")
    batches += 1
    if given.find(b"last words") > 0:
        os._exit(0)
"""
DYING = (sys.executable, "-c", DIES)


def batch(*sources: Source) -> Batch:
    return Batch(sources, ((b"port", b"80"), (b"raw", b"\xff")), NODE, (NODE,), "web1")


def rendered(renderer: ChildRenderer, *batches: Batch) -> list[tuple[Rendered, ...]]:
    """What comes of them, one after the other; no child is left."""

    async def play() -> list[tuple[Rendered, ...]]:
        try:
            return [await renderer(one) for one in batches]
        finally:
            await renderer.close()

    return asyncio.run(play())


def named(*names: str) -> Batch:
    return batch(*(Source(name, "") for name in names))


def test_a_child_renders_what_this_process_would() -> None:
    may = ((b"port", b""), (b"raw", b""))
    given = batch(Source("a", "{{ key('port') }}\n\n{{ key('raw') }}", may), Source("b", "{{ no }}", may))
    other = batch(Source("half", "{{ '\\ud800' }}"), Source("c", "{{ node.name }}"))
    assert rendered(ChildRenderer(), given, other, given) == [tuple(render(one)) for one in (given, other, given)]


@pytest.mark.parametrize("text", [r"{{ '\ud800' }}", r"{{ {}['\ud800'] }}", r"{{ key('\ud800') }}"])
def test_one_that_gives_what_is_no_text_costs_the_others_nothing(text: str) -> None:
    results = asyncio.run(ChildRenderer()(batch(Source("a", "a"), Source("wrong", text), Source("b", "b"))))
    assert [one.content for one in results] == ["a", "", "b"]
    assert "\\ud800" in results[1].problem


def test_one_that_ends_its_child_costs_the_others_nothing() -> None:
    names = ("a", "deadly1", "b", "deadly2", "deadly3", "c")
    (results,) = rendered(ChildRenderer(DYING), named(*names))
    too_much = "it takes more time or memory than there is for it"
    assert results == tuple(
        Rendered(name, problem=too_much) if name.startswith("deadly") else Rendered(name, f"{name} 0") for name in names
    )


def test_what_is_not_begun_in_time_is_left_for_the_next_batch() -> None:
    given = named("a", "deadly", "b"), named("deadly", "b"), named("b", "c")
    found = rendered(ChildRenderer(DYING, batch_s=0.0), *given)
    assert [[one.name for one in done] for done in found] == [["a"], ["deadly"], ["b", "c"]]
    assert [bool(one.problem) for done in found for one in done] == [False, True, False, False]


def test_a_child_stays_for_the_next_batch_and_is_missed_by_none() -> None:
    stays = rendered(ChildRenderer(DYING), named("a"), named("b"), named("last words"), named("c"))
    assert [one.content for (one,) in stays] == ["a 0", "b 1", "last words 2", "c 0"]


def test_one_that_stayed_is_not_to_blame_for_the_death_of_the_next() -> None:
    before, after = rendered(ChildRenderer(DYING), named("a"), named("deadly", "b"))
    assert [one.content for one in (*before, *after)] == ["a 0", "", "b 0"]
    assert after[0].problem.startswith("it takes more time")


def test_a_child_that_nobody_needs_ends() -> None:
    async def play() -> None:
        renderer = ChildRenderer(DYING, idle_s=0.05)
        contents: list[str] = []
        while len(contents) < 2 or contents[-1] != "a 0":
            contents += [one.content for one in await renderer(named("a"))]
            await asyncio.sleep(0.2)
        await renderer.close()

    asyncio.run(asyncio.wait_for(play(), 60))


def test_one_child_at_a_time_and_so_many_who_wait() -> None:
    async def play() -> None:
        renderer = ChildRenderer(DYING)
        wanted = [asyncio.ensure_future(renderer(named(f"n{number}"))) for number in range(70)]
        done = await asyncio.gather(*wanted, return_exceptions=True)
        await renderer.close()
        refused = [one for one in done if isinstance(one, LocalFault)]
        contents = [one[0].content for one in done if isinstance(one, tuple)]
        assert contents == [f"n{number} {number}" for number in range(65)], "one after the other, by one child"
        assert len(refused) == 5
        assert "64 others wait for it already" in str(refused[0])

    asyncio.run(play())


def test_who_gives_up_leaves_no_child_behind() -> None:
    async def play() -> None:
        renderer = ChildRenderer((sys.executable, "-c", "import time; time.sleep(600)"), timeout_s=600)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await renderer(named("a"))
        await renderer.close()

    asyncio.run(play())


def test_a_child_that_does_not_end_is_ended() -> None:
    sleeper = ChildRenderer((sys.executable, "-c", "import time; time.sleep(600)"), timeout_s=0.5)
    (((one),),) = rendered(sleeper, named("a"))
    assert one.problem.startswith("it takes more time")


def test_nothing_to_render_needs_no_child() -> None:
    assert rendered(ChildRenderer(("/nowhere",)), batch()) == [()]


@pytest.mark.parametrize(
    "command",
    [
        ("/nowhere/python",),
        (sys.executable, "-c", "raise ImportError('no jinja2')"),
        (sys.executable, "-c", "pass"),
        (sys.executable, "-c", "print(end='much more than there is room for', flush=True); input()"),
    ],
)
def test_where_no_child_runs_it_is_said(command: tuple[str, ...]) -> None:
    with pytest.raises(LocalFault, match="nothing can be rendered"):
        rendered(ChildRenderer(command), named("a"))
