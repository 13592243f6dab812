"""Rollouts of agents whose state is in a real etcd: the same releases, the same end, by the same transactions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.agents import fleet, wait_for
from tests.cluster.rendered import client_of
from tests.cluster.rolling import NAME, SECTION
from tests.differential import etcd as real
from tests.differential.engines import missing
from tests.differential.test_agents_on_etcd import agents_on

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


def test_a_bad_version_is_rolled_back_and_a_good_one_is_done(tmp_path: Path) -> None:
    with real.members(1) as (member,):
        member.start()
        real.await_health(member)
        agents = one, two = agents_on(tmp_path, member)
        files = []
        for agent in agents:
            folder = tmp_path / f"etc-{agent.name}"
            folder.mkdir()
            files.append(folder / "web.conf")
            with (tmp_path / f"{agent.name}.conf").open("a") as conf:
                conf.write(SECTION.format(name=agent.name, folder=folder))
        text = tmp_path / "web.j2"
        with fleet(*agents), client_of(two) as client:
            one.wait_says("Became new leader: node001")
            two.wait_says("Following new leader: node001")
            client.configs.put(NAME, "version one\n")

            def reported(version: int) -> bool | None:
                nodes = client.rollouts.nodes(NAME)
                return True if [file.placed for node in nodes for file in node.files] == [version] * 2 else None

            wait_for("both have it", lambda: reported(1))
            text.write_text("bad\n")
            bad = two.cli("config", "put", NAME, str(text), "-rollout", "canary=1", "-wait")
            assert bad.returncode == 1
            assert b"node001: the check failed: exit code 1" in bad.stdout
            assert [file.read_text() for file in files] == ["version one\n"] * 2
            wait_for("both are at the version with the old content", lambda: reported(3))
            text.write_text("version four\n")
            good = two.cli("config", "put", NAME, str(text), "-rollout", "canary=1,batch=1", "-wait")
            assert good.returncode == 0, good.stdout
            assert [file.read_text() for file in files] == ["version four\n"] * 2
            assert [one.version for one in client.configs.history(NAME)] == [4, 3, 2, 1]
