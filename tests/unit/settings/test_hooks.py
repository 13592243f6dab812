"""``[hook NAME]`` sections."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycluster.settings import Hook
from pycluster.settings.hooks import HOOKS_MAX
from tests.unit.settings.written import NODES, problems, read

VIP = NODES + "[hook vip]\n"


def test_a_hook_has_events_a_command_and_a_timeout(tmp_path: Path) -> None:
    text = VIP + "on = leader-gained, leader-lost\ncommand = /bin/vip --if 'eth 0' \"x;y\"  # move it\ntimeout = 1m\n"
    loaded = read(tmp_path, text + "[hook second]\non = member-up\ncommand = true\n")
    assert loaded.settings.hooks == (
        Hook("vip", ("leader-gained", "leader-lost"), ("/bin/vip", "--if", "eth 0", "x;y"), 60.0),
        Hook("second", ("member-up",), ("true",), 10.0),
    )
    assert loaded.sources["hook.vip"].where.endswith("cluster.conf:5")
    assert loaded.warnings == ()


def test_a_command_may_be_quoted_as_a_whole(tmp_path: Path) -> None:
    loaded = read(tmp_path, VIP + "on = member-down\ncommand = \"/bin/a b 'c d'\"\n")
    assert loaded.settings.hooks[0].command == ("/bin/a", "b", "c d")


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10), ("500ms", 0.5), ("1m", 60), ("1h", 3600), ("2", 2), ("0.5", 0.5), ("1.5 s", 1.5)]
)
def test_a_timeout_has_a_unit_or_is_in_seconds(tmp_path: Path, text: str, seconds: float) -> None:
    loaded = read(tmp_path, VIP + f"on = member-up\ncommand = x\ntimeout = {text}\n")
    assert loaded.settings.hooks[0].timeout_s == seconds


@pytest.mark.parametrize("text", ["", "0", "50ms", "2h", "-1", "1d", "inf", "nan", "1e3", "9" * 400])
def test_a_timeout_is_bounded(tmp_path: Path, text: str) -> None:
    (said,) = problems(tmp_path, VIP + f"on = member-up\ncommand = x\ntimeout = {text}\n")
    assert said.startswith("cluster.conf:8: [hook vip] timeout: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("command = x\n", "cluster.conf:5: [hook vip]: on is missing: one or more of leader-gained, leader-lost,"),
        ("on = member-up\n", "cluster.conf:5: [hook vip]: command is missing"),
        ("on =\ncommand = x\n", "cluster.conf:6: [hook vip] on: names no event"),
        ("on = member-up\ncommand =\n", "cluster.conf:7: [hook vip] command: names no program"),
        ("on = member-up\ncommand = '' a\n", "cluster.conf:7: [hook vip] command: names no program"),
        ("on = member-up\ncommand = a 'b\n", "cluster.conf:7: [hook vip] command: is no command line: No closing"),
        (
            "on = leader-gaind\ncommand = x\n",
            "cluster.conf:6: [hook vip] on: 'leader-gaind' is no event for a hook; did",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_a_mistake(tmp_path: Path, text: str, said: str) -> None:
    found = problems(tmp_path, VIP + text)
    assert len(found) == 1
    assert found[0].startswith(said)


def test_a_hook_needs_a_name_of_its_own(tmp_path: Path) -> None:
    body = "on = member-up\ncommand = x\n"
    said = problems(tmp_path, VIP + body + "[hook]\n" + body + "[hook vip]\n" + body + "[hook a/b]\n" + body)
    assert said[0] == "cluster.conf:8: [hook]: a hook needs a name: [hook NAME]"
    assert said[1] == "cluster.conf:11: [hook vip]: there is a hook of this name already"
    assert said[2].startswith("cluster.conf:14: [hook a/b]: 'a/b' is no name")


def test_hooks_are_bounded(tmp_path: Path) -> None:
    def text(count: int) -> str:
        return NODES + "".join(f"[hook h{n}]\non = member-up\ncommand = x\n" for n in range(count))

    assert len(read(tmp_path, text(HOOKS_MAX)).settings.hooks) == HOOKS_MAX
    (said,) = problems(tmp_path, text(HOOKS_MAX + 1))
    assert said.endswith(f"too many hooks: {HOOKS_MAX} are allowed")
