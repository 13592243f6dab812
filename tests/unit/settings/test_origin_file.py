"""The Go project's configuration file, byte for byte, and what its parser let pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycluster.kernel.ids import Seed
from pycluster.settings import load
from tests.unit.settings.written import read, warnings

ORIGIN = b"""[cluster]
name = proxy
discovery_port = 7946

[nodes]
node001 = "node001.devcoffee.me:7946"
node002 = "node002.devcoffee.me:7946"
node003 = "node003.devcoffee.me:7946"
"""
SEEDS = tuple(Seed(f"node00{n}", f"node00{n}.devcoffee.me", 7946) for n in (1, 2, 3))
REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "text",
    [
        ORIGIN,
        ORIGIN.replace(b"\n", b"\r\n"),
        ORIGIN.rstrip(b"\n"),
        b"\xef\xbb\xbf" + ORIGIN,
        ORIGIN.replace(b'"', b""),
        ORIGIN.replace(b'"', b"'"),
        ORIGIN.replace(b"proxy", b'"proxy"').replace(b"7946\n\n", b'"7946"\n\n'),
        ORIGIN.replace(b" = ", b"="),
        ORIGIN.replace(b"name", b"\t name"),
        b"# one\n; two\n" + ORIGIN.replace(b"proxy", b"proxy # three").replace(b'6"\n', b'6" ; four\n'),
    ],
    ids=["as-is", "crlf", "no-newline", "bom", "bare", "single", "all-quoted", "tight", "indented", "comments"],
)
def test_the_file_works_unchanged(tmp_path: Path, text: bytes) -> None:
    loaded = read(tmp_path, text)
    assert loaded.settings.cluster == "proxy"
    assert loaded.settings.port == 7946
    assert loaded.settings.seeds == SEEDS
    assert loaded.warnings == ()


def test_the_repository_s_own_file_is_such_a_file() -> None:
    loaded = load(str(REPOSITORY / "cluster.conf"), {}, {}, "node002")
    assert (loaded.settings.cluster, loaded.settings.seeds, loaded.warnings) == ("proxy", SEEDS, ())


def test_what_the_go_parser_ignored_is_a_warning_with_file_and_line(tmp_path: Path) -> None:
    text = "stray = 1\n" + ORIGIN.decode() + "not a pair\n[logging]\nlevel = debug\n[cluster]\nheartbeat = 3\n= x\n"
    assert warnings(tmp_path, text) == [
        "cluster.conf:1: this line stands in no section and is ignored",
        "cluster.conf:10: [nodes]: 'not a pair' is not key = value and is ignored",
        "cluster.conf:11: [logging]: unknown section, ignored",
        "cluster.conf:14: [cluster] heartbeat: unknown key, ignored",
        "cluster.conf:15: [cluster]: '= x' is not key = value and is ignored",
    ]


def test_what_is_nearly_right_is_said_to_be(tmp_path: Path) -> None:
    text = "[Nodes]\na = b\n[cluster]\ndiscovery-port = 1\n[hooks x]\n"
    said = warnings(tmp_path, text)
    assert said[0] == "cluster.conf:1: [Nodes]: unknown section, ignored; did you mean nodes?"
    assert said[1] == "cluster.conf:4: [cluster] discovery-port: unknown key, ignored; did you mean discovery_port?"


def test_the_last_of_two_values_counts_as_it_did_and_is_told(tmp_path: Path) -> None:
    text = ORIGIN.decode() + "[cluster]\nname = other\n"
    loaded = read(tmp_path, text)
    assert loaded.settings.cluster == "other"
    assert loaded.sources["cluster"].where.endswith("cluster.conf:10")
    assert warnings(tmp_path, text) == [
        "cluster.conf:10: [cluster] name: given twice, first in line 2; the last one counts"
    ]
