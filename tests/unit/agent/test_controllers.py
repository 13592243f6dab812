"""What runs on an agent above the state: what its settings ask for, and what a former life reported."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pycluster.agent.controllers import RENDERED, REPORT, REPORTED, Everywhere, Leading, configuration, everywhere
from pycluster.configs import ChangeRequest, Configs, Wanted
from pycluster.kernel.errors import LocalFault
from pycluster.rendering import PROBE, Rendering, Reporting
from pycluster.rollouts import TELL
from pycluster.settings import Settings, Template
from tests.unit.web.fake import FakeCluster
from tests.unit.web.fakestate import FakeState

LOCAL = Template(name="local", destination="/etc/a", source="/etc/a.j2")
ENTRY = Template(name="web", destination="/etc/b", entry="web.j2")


def names(folder: Path, *templates: Template) -> list[str]:
    settings = Settings(cluster="demo", name="node001", templates=templates)
    made: Everywhere = everywhere(settings, str(folder), {}, FakeCluster(), FakeState(), lambda told: None)
    return [one.name for one in made.controllers]


def test_who_renders_nothing_runs_nothing(tmp_path: Path) -> None:
    assert names(tmp_path) == []
    assert names(tmp_path, LOCAL) == ["rendered-files"]
    assert list(tmp_path.iterdir()) == []


def test_who_reported_says_once_more_that_there_is_nothing(tmp_path: Path) -> None:
    assert names(tmp_path, LOCAL, ENTRY) == ["rendered-files", "config-report"]
    assert [one.name for one in tmp_path.iterdir()] == [REPORTED]
    assert names(tmp_path) == ["config-report"]
    assert names(tmp_path, LOCAL) == ["rendered-files", "config-report"]


def test_names_are_what_they_are_elsewhere(tmp_path: Path) -> None:
    assert (Reporting.name, Rendering.name) == (REPORT, RENDERED)
    settings = Settings(cluster="demo", name="node001", templates=(ENTRY,))
    here = everywhere(settings, str(tmp_path), {}, FakeCluster(), FakeState(), lambda told: None)
    assert PROBE in here.actors
    leading = Leading(settings, lambda told: None)
    assert list(leading.actors()) == [TELL]
    assert [one.name for one in leading.make()] == ["config-history", "config-rollouts"]


def test_reads_of_what_a_node_gets_keep_no_change_waiting() -> None:
    cluster = FakeCluster()
    configs: Configs = configuration(Settings(cluster="demo", name="node001"), cluster, FakeState())()
    base, over = Wanted(name="a.json", content="1"), Wanted(name="a.json@node:node001", content="2")

    async def play() -> None:
        await configs.change(ChangeRequest(entries=(base, over)))
        reads = [asyncio.ensure_future(configs.effective("node001", cluster.members())) for _ in range(66)]
        change = configs.change(ChangeRequest(entries=(Wanted(name="a.json", content="3"),)))
        done = await asyncio.gather(*reads, change, return_exceptions=True)
        refused = [isinstance(one, LocalFault) for one in done]
        assert (refused.count(True), refused[-1]) == (66 - 5, False), "one is read, four wait"
        assert (await configs.get("a.json")).content == "3"

    asyncio.run(play())
