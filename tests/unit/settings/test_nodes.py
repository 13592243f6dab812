"""The list of nodes: its addresses, its slips, and what follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycluster.kernel.ids import Seed
from tests.unit.settings.written import NODES, problems, read, warnings


def listing(*names: str) -> str:
    return "[nodes]\n" + "".join(f"{name} = host-{name}\n" for name in names)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("node001.devcoffee.me:7000", "node001.devcoffee.me", 7000),
        ('"192.0.2.1:7000"', "192.0.2.1", 7000),
        ("192.0.2.1", "192.0.2.1", 7946),
        ("[::1]:7000", "::1", 7000),
        ("[2001:db8::1]", "2001:db8::1", 7946),
        ("2001:DB8:0:0::1", "2001:db8::1", 7946),
        ("host", "host", 7946),
        ("under_score.example.", "under_score.example.", 7946),
    ],
)
def test_a_node_is_a_host_with_or_without_a_port(tmp_path: Path, text: str, host: str, port: int) -> None:
    loaded = read(tmp_path, f"[nodes]\nnode001 = {text}\n")
    assert loaded.settings.seeds == (Seed("node001", host, port),)
    assert loaded.sources["nodes.node001"].where.endswith("cluster.conf:2")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":7946",
        "host:",
        "host:0",
        "http://host:1",
        "a b",
        "-host",
        "300.1.1.1",
        "0.0.0.0",
        "[::]:1",
        "ä.example",
        "a..b",
    ],
)
def test_what_is_no_address_is_a_mistake(tmp_path: Path, text: str) -> None:
    (said,) = problems(tmp_path, f"[nodes]\nnode001 = {text}\n")
    assert said.startswith("cluster.conf:2: [nodes] node001: ")


def test_the_order_of_the_file_is_kept(tmp_path: Path) -> None:
    loaded = read(tmp_path, listing("node003", "node001", "node002"))
    assert [seed.name for seed in loaded.settings.seeds] == ["node003", "node001", "node002"]


def test_a_node_listed_twice_is_a_mistake(tmp_path: Path) -> None:
    said = problems(tmp_path, NODES + "node002 = elsewhere\n")
    assert said == ["cluster.conf:5: [nodes] node002: this node is listed already, in line 3"]


def test_a_wrong_name_and_a_wrong_address_on_one_line_are_two_mistakes(tmp_path: Path) -> None:
    assert len(problems(tmp_path, NODES + "-a = b:c\n")) == 2


def test_two_nodes_at_one_address_are_told(tmp_path: Path) -> None:
    assert warnings(tmp_path, NODES + "node004 = N2:7946\n") == [
        "cluster.conf:5: [nodes] node004: has the same address as node002"
    ]


def test_a_good_list_is_worth_no_warning(tmp_path: Path) -> None:
    assert warnings(tmp_path, NODES) == []


def test_a_node_that_is_not_listed_learns_that_it_never_leads(tmp_path: Path) -> None:
    (said,) = warnings(tmp_path, NODES, hostname="edge.example")
    assert said == (
        "cluster.conf: [nodes]: edge is not among node001, node002, node003:"
        " it follows the leader, but never votes and never leads"
    )


@pytest.mark.parametrize(
    ("text", "hostname", "meant"),
    [
        (NODES, "node01", "node001"),
        (NODES + "a.example = n4\n", "a.example", "a.example"),
        ("[nodes]\nx = a.example:1\ny = b\nz = c\n", "a.example", "x"),
    ],
    ids=["alike", "whole host name listed", "host listed under another name"],
)
def test_the_name_that_was_probably_meant_is_suggested(tmp_path: Path, text: str, hostname: str, meant: str) -> None:
    (said,) = warnings(tmp_path, text, hostname=hostname)
    assert said.endswith(f"; did you mean -name {meant}?")


def test_one_node_leads_alone_and_nobody_after_it(tmp_path: Path) -> None:
    (said,) = warnings(tmp_path, listing("node001"))
    assert "node001 leads alone, and while it is down nobody leads; three nodes tolerate the failure of one" in said


def test_two_nodes_tolerate_no_failure(tmp_path: Path) -> None:
    (said,) = warnings(tmp_path, listing("node001", "node002"))
    assert "nobody leads while either is down or cut off" in said


def test_of_more_than_seven_the_first_by_name_vote(tmp_path: Path) -> None:
    assert warnings(tmp_path, listing(*(f"node00{n}" for n in (7, 6, 5, 4, 3, 2, 1)))) == []
    (said,) = warnings(tmp_path, listing(*(f"node00{n}" for n in (9, 8, 7, 6, 5, 4, 3, 2, 1))))
    assert "node001, node002, node003, node004, node005, node006, node007" in said
    assert said.endswith("these never vote and never lead: node008, node009")


def test_many_names_are_not_all_spelt_out(tmp_path: Path) -> None:
    (said,) = warnings(tmp_path, listing(*(f"node{n:03}" for n in range(1, 101))))
    assert said.endswith("node017 and 83 more")


def test_without_a_list_nobody_can_lead(tmp_path: Path) -> None:
    (said,) = warnings(tmp_path, "")
    assert "nobody votes, so nobody can lead" in said
    (said,) = read(tmp_path, "", {"PYCLUSTER_JOIN": "n1"}).warnings
    assert "follows the leader of the cluster it joins" in said


def test_a_list_is_bounded(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, "[nodes]\nnode001=a\n" + "".join(f"n{n}=h{n}\n" for n in range(10_000)))
    assert said == "cluster.conf: [nodes]: 10001 nodes are listed, 10000 are allowed"
