"""``config import`` in several steps; it and ``config rollback`` beside others who write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pycluster import store
from pycluster.configs import ChangeRequest, Wanted
from tests.unit.cli.console import Ran, run
from tests.unit.web.entries import entries
from tests.unit.web.fake import Agent
from tests.unit.web.fakestate import FakeState


class Busy(FakeState):
    """A state to which somebody else writes ``meanwhile``, as soon as the next interval of keys was read."""

    meanwhile: tuple[Wanted, ...] = ()

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> store.Result:
        told = await super().ask(request, timeout_s=timeout_s, request_id=request_id)
        if self.meanwhile and isinstance(request, store.Range) and request.range_end:
            wanted, self.meanwhile = self.meanwhile, ()
            await entries(self)().change(ChangeRequest(entries=wanted, author="bob"))
        return told


class Beside:
    """Lines to an agent whose state is busy."""

    def __init__(self, agent: Agent, state: Busy) -> None:
        self._agent = agent
        self.state = state

    def run(self, *words: str, piped: bytes = b"") -> Ran:
        return run("config", *words, "-addr", f"unix:{self._agent.path}", piped=piped)

    def write(self, key: bytes, value: bytes) -> None:
        self._agent.run(self.state.ask(store.Put(key, value)))

    def get(self, name: str) -> bytes:
        return self.run("get", name).raw


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Beside]:
    state, folder = Busy(), tmp_path / "busy"
    folder.mkdir()
    with Agent(folder, state=lambda: state) as agent:
        yield Beside(agent, state)


def test_entries_in_folders_of_their_own_go_in_as_many_steps_as_their_conditions_need(
    agent: Agent, tmp_path: Path
) -> None:
    folder = tmp_path / "conf"
    for number in range(32):
        (folder / "a" / "b" / f"svc{number}").mkdir(parents=True)
        (folder / "a" / "b" / f"svc{number}" / "app.yaml").write_text("a: 1\n")
    done = run("config", "import", str(folder))
    assert done.err == "32 entries: 32 created, 0 changed, 0 unchanged, 0 deleted\n"
    assert agent.state.store.revision == 1 + 2, "two transactions"


@pytest.mark.parametrize("more", [(), ("-rollout", "canary=1"), ("-dry-run",)])
def test_a_rollback_of_what_was_looked_at_discards_nothing_that_came_since(
    beside: Beside, more: tuple[str, ...]
) -> None:
    for content in (b"one", b"two", b"broken"):
        assert beside.run("put", "app", piped=content).code == 0
    if "-rollout" in more:
        report = b'{"files":[{"template":"a","entry":"app","wanted":3,"placed":3}]}'
        beside.write(b"/pycluster/rollout/node/n1", report)
    beside.state.meanwhile = (Wanted(name="app", content="mended"),)
    done = beside.run("rollback", "app", *more)
    assert (done.code, done.out) == (3, "")
    assert done.err == "app does not have version 3: its version is 4 (read it again)\n"
    assert beside.get("app") == b"mended"
    assert beside.run("rollback", "app").out == "app: version 5 (it was 4)\n"
    assert beside.get("app") == b"broken"


def test_a_rollback_of_a_deletion_finds_what_was_put_since(beside: Beside) -> None:
    assert beside.run("put", "app", piped=b"one").code == 0
    assert beside.run("del", "app", "-y").code == 0
    beside.state.meanwhile = (Wanted(name="app", content="new"),)
    assert beside.run("rollback", "app").code == 3
    assert beside.get("app") == b"new"
    assert beside.run("del", "app", "-y").code == 0
    assert beside.run("rollback", "app").out == "app: created as version 5\n"


def test_only_what_was_listed_is_pruned(beside: Beside, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    assert beside.run("put", "old", piped=b"one").code == 0
    beside.state.meanwhile = (Wanted(name="old", content="still needed"),)
    done = beside.run("import", str(tmp_path / "conf"), "-prune", "-y")
    assert (done.code, beside.get("old")) == (3, b"still needed")
    beside.state.meanwhile = (Wanted(name="old"),)
    again = beside.run("import", str(tmp_path / "conf"), "-prune", "-y")
    assert again.err == "1 entries: 0 created, 0 changed, 1 unchanged, 0 deleted\n", "somebody else deleted it"
