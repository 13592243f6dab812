"""Two clusters on one wire whose files name each other's nodes: neither takes anything over, and both say why."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.agents import AgentProcess, fleet, free_port, origin_conf, wait_for
from tests.cluster.three import statuses

HOSTS = {f"node{number:03d}": f"127.0.0.{number}" for number in range(1, 7)}


def two_clusters(folder: Path) -> tuple[tuple[AgentProcess, ...], tuple[AgentProcess, ...]]:
    """Nodes 1 to 3 of one cluster and 3 to 5 of the other; the third runs in the second one, and both list it."""
    port = free_port(*HOSTS.values())

    def cluster(name: str, listed: range, run: range) -> tuple[AgentProcess, ...]:
        hosts = {f"node{number:03d}": f"127.0.0.{number}" for number in listed}
        conf = origin_conf(folder / f"{name}.conf", hosts, port, cluster=name)
        flags = ("-config", str(conf), "-port", str(port))
        return tuple(
            AgentProcess(f"node{number:03d}", folder, *flags, "-bind-address", f"127.0.0.{number}") for number in run
        )

    return cluster("east", range(1, 4), range(1, 3)), cluster("west", range(3, 6), range(3, 6))


def test_two_clusters_on_one_wire_stay_apart_and_say_so_once_a_minute(tmp_path: Path) -> None:
    east, west = two_clusters(tmp_path)
    one, two, three = *east, west[0]
    with fleet(*east, *west):
        one.wait_says("Became new leader: node001")
        three.wait_says("Became new leader: node003")

        def knocked() -> bool | None:
            shown = three.peek()
            return True if shown is not None and shown.counters.get("strangers_wrong_cluster", 0) >= 3 else None

        def told(teller: AgentProcess, words: str) -> list[str]:
            return [line for line in teller.err.read_text().splitlines() if words in line]

        both = ((three, "Refused 127.0.0.1:"), (one, "Refused by 127.0.0.3:"))
        wait_for("both sides say so", lambda: all(told(*one_side) for one_side in both) or None)
        wait_for("the third has refused the others again and again", knocked)
        for teller, words in both:
            assert len(told(teller, words)) == 1, (teller.name, told(teller, words))
        explained = one.cli("explain", "node", "node003").stdout.decode()
        assert "127.0.0.3" in explained and "wrong-cluster" in explained, explained
        shown = {status.name: status for status in statuses((*east, *west))}
        for name in ("node001", "node002"):
            seen = {member.name: member.state for member in shown[name].members}
            assert seen == {"node001": "alive", "node002": "alive", "node003": "unknown"}
        for name in ("node003", "node004", "node005"):
            assert {member.name for member in shown[name].members} == {"node003", "node004", "node005"}
            assert shown[name].leader.leader == "node003"
        assert two.says("Following new leader: node001")
