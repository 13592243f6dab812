"""Two clusters on one wire whose files name each other's nodes: neither takes anything over, and both say why."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from tests.cluster.agents import AgentProcess, fleet, free_port, origin_conf, wait_for

#: Between two lines, whose times are whole seconds.
MINUTE = timedelta(seconds=59)
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
        # Whoever did not wait for its refusal is told again a minute later.
        wait_for("both sides say so", lambda: all(told(*one_side) for one_side in both) or None, 200.0)
        wait_for("the third has refused the others again and again", knocked)
        for teller, words in both:
            times = [datetime.strptime(line[:19], "%Y/%m/%d %H:%M:%S") for line in told(teller, words)]
            assert all(later - sooner >= MINUTE for sooner, later in pairwise(times)), (
                teller.name,
                told(teller, words),
            )
        for agent, leader in ((two, "node001"), (west[1], "node003"), (west[2], "node003")):
            agent.wait_says(f"Following new leader: {leader}")
        explained = one.cli("explain", "node", "node003").stdout.decode()
        assert "127.0.0.3" in explained and "wrong-cluster" in explained, explained
        eastern = {"node001": "alive", "node002": "alive", "node003": "unknown"}
        western = dict.fromkeys(("node003", "node004", "node005"), "alive")
        for agent in east:
            wait_for(f"{agent.name} sees its own", lambda agent=agent: sees(agent, "node001", eastern))  # type: ignore[misc]
        for agent in west:
            wait_for(f"{agent.name} sees its own", lambda agent=agent: sees(agent, "node003", western))  # type: ignore[misc]


def sees(agent: AgentProcess, leader: str, states: dict[str, str]) -> bool | None:
    """Whether it follows ``leader`` and knows these members, in these states, and nobody else."""
    shown = agent.peek()
    known = {} if shown is None else {member.name: member.state for member in shown.members}
    return (shown is not None and known == states and shown.leader.leader == leader) or None
