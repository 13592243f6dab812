"""Files rendered by real agents: every node follows, a killed one catches up, no reader ever sees half of one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cluster.agents import fleet, wait_for
from tests.cluster.engines import keeping, on_both_engines
from tests.cluster.rendered import Repeated, children_of, client_of, gone, play, version_of, with_files
from tests.cluster.test_configuration import said
from tests.cluster.three import formed, seated

CHANGES = 20


@pytest.mark.slow
@on_both_engines
def test_every_node_follows_and_no_reader_sees_half_a_file(tmp_path: Path, engine: str) -> None:
    agents, files = with_files(tmp_path)
    _, two, three = agents

    def until(version: int) -> None:
        for file in files:
            wait_for(f"{file} follows", lambda file=file: version_of(file) == version or None)  # type: ignore[misc]

    with keeping(engine, tmp_path / "cluster.conf"), fleet(*agents):
        formed(agents)
        seated(agents)
        said(two, "config", "put", "web.j2", str(tmp_path / "web.j2"))
        until(0)
        with Repeated(lambda: [version_of(file) for file in files]) as reader, client_of(two) as client:
            for version in range(1, CHANGES + 1):
                client.put("web/version", str(version))
                if version == CHANGES // 2:
                    until(version)
                    children = wait_for("a child stays for the next change", lambda: children_of(three) or None)
                    three.kill()
                    while not all(gone(one) for one in children):
                        time.sleep(0.02)  # pytest has a limit for it
                    three.start()
            until(CHANGES)
        assert reader.failures == []
        wait_for("node003 says so", lambda: b"in-place" in three.cli("config", "rendered").stdout or None)

        said(two, "kv", "put", "web/version", "1300")
        two.wait_says("is not in place: template node002: the check failed: exit code 1")
        assert version_of(files[1]) == CHANGES
        told = two.cli("config", "rendered")
        assert told.returncode == 1
        assert b"node002: the check failed: exit code 1" in told.stdout
        assert b"the file of template node002 is not in place" in two.cli("health").stdout
        refused = two.cli("config", "render", "node002")
        assert (refused.returncode, refused.stdout) == (1, b"")
        said(two, "kv", "put", "web/version", "7")
        until(7)
        for file in files:
            read = file.with_name("reloads")
            wait_for(f"{file} is read", lambda read=read: read.read_text().endswith("begin 7\n") or None)  # type: ignore[misc]
            assert "begin 1300\n" not in read.read_text()
            assert sorted(one.name for one in file.parent.iterdir()) == ["reloads", "web.conf"]


@pytest.mark.slow
def test_of_five_hundred_files_of_one_node_only_what_reads_the_key_is_written(tmp_path: Path) -> None:
    assert play(tmp_path, 1, 500)["files written for a key"] == 1
