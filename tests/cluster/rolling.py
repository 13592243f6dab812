"""Agents that render one entry each into a file of its own, and a new version of it rolled out to them."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import msgspec

from pycluster.client import AgentUnreachable, NoQuorum, TimedOut
from pycluster.client.blocking import StateClient
from pycluster.kernel.errors import PyClusterError
from pycluster.rollouts import RolloutView, Strategy
from pycluster.rollouts.names import RELEASES, of_release
from tests.cluster.agents import AgentProcess, fleet, wait_for
from tests.cluster.rendered import client_of
from tests.cluster.three import HOSTS, agents_on, formed, patient, seated

NAME = "web.j2"
SECTION = """
[template {name}]
nodes = node:{name}
entry = web.j2
destination = {folder}/web.conf
check = /bin/sh -c "! grep -q bad {{file}}"
reload = /bin/sh -c "cat {folder}/web.conf >> {folder}/reloads"
probe = /bin/sh -c "! grep -q deaf {folder}/web.conf"
"""


class Fleet:
    """Three voters and more members, not started; each writes ``files`` of its own and notes each reload."""

    def __init__(self, folder: Path, count: int) -> None:
        self.voters = agents_on(folder, HOSTS)
        flags = self.voters[0].flags
        shared = flags[flags.index("-config") : flags.index("-bind-address")]
        self.agents = list(self.voters)
        for number in range(len(HOSTS) + 1, count + 1):
            more = AgentProcess(f"node{number:03d}", folder, *shared, "-bind-address", f"127.0.0.{number}")
            self.agents.append(more)
        self.files: dict[str, Path] = {}
        with (folder / "cluster.conf").open("a") as conf:
            for agent in self.agents:
                own = folder / f"etc-{agent.name}"
                own.mkdir()
                self.files[agent.name] = own / "web.conf"
                conf.write(SECTION.format(name=agent.name, folder=own))
        self.text = folder / "web.j2"

    def formed(self) -> None:
        """Until all see all, the voters vote, and everybody has the first version and said so."""
        formed(self.voters)
        seated(self.voters)
        count = len(self.agents)
        for agent in self.agents:
            wait_for(f"{agent.name} sees {count}", lambda agent=agent: _sees(agent, count))  # type: ignore[misc]
        with client_of(self.voters[1]) as client:
            client.configs.put(NAME, "version one\n")
            wait_for("all have it", lambda: self.reported(client, 1) or None)

    def reported(self, client: StateClient, version: int) -> bool:
        """Whether every node says that it has that version in place."""
        nodes = client.rollouts.nodes(NAME)
        return len(nodes) == len(self.agents) and all(one.placed == version for node in nodes for one in node.files)

    def contents(self) -> dict[str, str]:
        """What stands in every file."""
        return {name: file.read_text() for name, file in self.files.items()}

    def reloads(self, name: str) -> list[str]:
        """What was in place at each reload of a node."""
        return self.files[name].with_name("reloads").read_text().splitlines()

    def roll(self, agent: AgentProcess, text: str, how: str, *more: str) -> subprocess.CompletedProcess[bytes]:
        """``config put -rollout``, by the command line."""
        self.text.write_text(text)
        return agent.cli("config", "put", NAME, str(self.text), "-rollout", how, *more)


def _sees(agent: AgentProcess, count: int) -> bool | None:
    status = agent.peek()
    return True if status is not None and status.counts.alive == count else None


def play_bad(folder: Path, count: int) -> dict[str, float | int | str]:
    """A version that fails its check, canary 1: it stops there, nothing else is touched, everything says so."""
    cluster = Fleet(folder, count)
    with fleet(*cluster.agents):
        cluster.formed()
        begun = time.monotonic()
        done = cluster.roll(cluster.voters[2], "bad\n", "canary=1,batch=25%", "-m", "oops", "-wait", "-o", "json")
        took_s = time.monotonic() - begun
        view = msgspec.json.decode(done.stdout, type=RolloutView)
        assert done.returncode == 1, done.stderr
        assert (view.state, view.result, view.released) == ("rolled-back", 3, 1)
        assert view.why == "node001: the check failed: exit code 1"
        assert [one.node for one in view.lanes if one.state != "untouched"] == ["node001"]
        assert set(cluster.contents().values()) == {"version one\n"}
        for agent in cluster.agents:
            assert cluster.reloads(agent.name) == ["version one"], "nobody was told of anything else"
        history = cluster.voters[1].cli("config", "history", NAME, "-o", "json")
        newest, failed, first = json.loads(history.stdout)
        assert [one["version"] for one in (newest, failed, first)] == [3, 2, 1]
        assert view.why in newest["reason"] and failed["reason"] == "oops"
        with client_of(cluster.voters[1]) as client:
            wait_for("all say so", lambda: cluster.reported(client, 3) or None)
        for line in ("started", "batch 1: node001", "stopped: node001: the check failed", "is rolled back"):
            cluster.voters[0].wait_says(line)
    return {"agents": count, "until it is rolled back s": round(took_s, 2), "touched": view.released - 1}


def play_killed(
    folder: Path, count: int, moment: int, later_s: float = 0.0, *, timed: bool = True
) -> dict[str, float | int | str]:
    """The leader is killed ``later_s`` after ``moment`` releases: the next one goes on, nobody has it twice, nobody is
    skipped. Where it is not ``timed``, the agents bear a busy machine.
    """
    cluster = Fleet(folder, count)
    if not timed:
        patient(*cluster.agents)
    with fleet(*cluster.agents):
        cluster.formed()
        two, three = cluster.voters[1:]
        with client_of(three) as client:
            started = client.rollouts.start(NAME, "version two\n", Strategy(canary=1, batch=1))
            assert started.rollout is not None
            version = started.rollout.version
            wait_for(f"{moment} are released", lambda: (_released(client, version) or 0) >= moment or None)
            time.sleep(later_s)  # when it is killed is the round's, not what is waited for
            cluster.voters[0].kill()
            killed = time.monotonic()
            two.wait_says("Became new leader: node002")
            # It goes on with it, or where nobody was released yet begins it.
            two.wait_says(f"Rollout of {NAME} version {version} ")
            cluster.voters[0].start()
            view = wait_for("it is over", lambda: _over(client, version), 120.0)
            took_s = time.monotonic() - killed
            assert (view.state, view.result) == ("done", version), view
            assert sorted(one.node for one in view.lanes) == sorted(cluster.files)
            assert {one.state for one in view.lanes} == {"good"}, view
            batches = [one.batch for one in view.lanes]
            assert batches == list(range(1, count + 1)), batches
            wait_for("all have it", lambda: set(cluster.contents().values()) == {"version two\n"} or None)
            written = _written(client, version)
        assert sorted(written) == sorted(cluster.files)
        twice = sum(times > 1 for times in written.values())
        for agent in cluster.agents:
            told = cluster.reloads(agent.name)
            if agent is not cluster.voters[0]:
                assert told == ["version one", "version two"], (agent.name, told)
            else:
                # Whoever is killed reloads once more where it does not know whether it did.
                assert told[0] == "version one" and set(told) == {"version one", "version two"}, told
    return {
        "released before": moment,
        "until it is done s": round(took_s, 2),
        "twice": twice,
        "skipped": count - len(written),
    }


def _released(client: StateClient, version: int) -> int | None:
    try:
        return client.rollouts.get(NAME, version).released
    except (AgentUnreachable, NoQuorum, TimedOut):
        return None


def _over(client: StateClient, version: int) -> RolloutView | None:
    try:
        view = client.rollouts.get(NAME, version)
    except PyClusterError:
        return None
    return view if view.settled else None


def _written(client: StateClient, version: int) -> dict[str, int]:
    """Whose releases there are, and how often each was written."""
    found = {of_release(kv.key): kv.version for kv in client.list(RELEASES).kvs}
    return {node: times for (node, name, of), times in found.items() if (name, of) == (NAME, version)}
