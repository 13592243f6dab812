"""Variables that begin as ours do."""

from __future__ import annotations

from pathlib import Path

from tests.unit.settings.written import NODES, warnings


def test_an_unknown_variable_of_ours_is_told_with_the_near_one(tmp_path: Path) -> None:
    environment = {"PYCLUSTER_PROT": "1", "PYCLUSTER_ZZZZ": "1", "PYCLUSTER_MEMBERSHIP_": "1"}
    environment |= {"PYCLUSTER_CONSENSUS_\x1b": "1", "pycluster_port": "1"}
    assert warnings(tmp_path, NODES, environment) == [
        "PYCLUSTER_CONSENSUS_\\x1b: no such variable, ignored",
        "PYCLUSTER_MEMBERSHIP_: no such variable, ignored",
        "PYCLUSTER_PROT: no such variable, ignored; did you mean PYCLUSTER_PORT?",
        "PYCLUSTER_ZZZZ: no such variable, ignored",
    ]


def test_other_parts_variables_and_other_programs_are_left_alone(tmp_path: Path) -> None:
    environment = {
        f"PYCLUSTER_{name}": "x" for name in ("CONFIG", "ADDR", "TIMEOUT", "NO_SKIP", "TERM", "EVENT", "EVENT_ID")
    }
    assert warnings(tmp_path, NODES, environment | {"PATH": "/bin", "PORT": "1"}) == []
