"""SIGHUP takes over the nodes and the tags, and names the rest that changed."""

from __future__ import annotations

from pathlib import Path

from pycluster.agent.reload import left_out, taken_over
from pycluster.settings import Loaded, effective, load

ONE = """[cluster]
name = proxy
[nodes]
node001 = 127.0.0.1
[hook proxy]
on = leader-gained
command = /bin/true first
[template web]
source = /t.j2
destination = /etc/web.conf
check = /bin/true
[membership]
probe_interval_ms = 1000
"""
CHANGES = {"true first": "true second", "= 1000": "= 900", "check = /bin/true": "check = /bin/true {file}"}
TWO = ONE + "[node]\nport = 7999\n[tags]\nrack = 5\n"
for _before, _after in CHANGES.items():
    TWO = TWO.replace(_before, _after)


def loaded(folder: Path, text: str) -> Loaded:
    file = folder / "cluster.conf"
    file.write_text(text)
    return load(str(file), {}, {}, "node001")


def test_nothing_changed_is_nothing_left_out(tmp_path: Path) -> None:
    assert left_out(loaded(tmp_path, ONE), loaded(tmp_path, ONE)) == []


def test_what_needs_a_restart_is_named_each_time_until_then(tmp_path: Path) -> None:
    running, fresh = loaded(tmp_path, ONE), loaded(tmp_path, TWO)
    for _ in range(2):
        assert left_out(running, fresh) == ["hook.proxy", "membership.probe_interval_ms", "port", "template.web"]
        running = taken_over(running, fresh)


def test_the_settings_shown_are_those_in_use(tmp_path: Path) -> None:
    shown = effective(taken_over(loaded(tmp_path, ONE), loaded(tmp_path, TWO)))
    assert shown["port"] == {"value": 7946, "source": "default"}
    assert shown["tags.rack"] == {"value": "5", "source": f"file {tmp_path}/cluster.conf:17"}
