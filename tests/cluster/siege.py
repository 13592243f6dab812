"""Three agents under attack: what they are made to bear, and what must not change meanwhile."""

from __future__ import annotations

import math
import re
import socket
import time
from collections import Counter
from pathlib import Path
from random import Random

import msgspec

from pycluster.agent.quota import PEER_LINES_BURST
from pycluster.kernel.ids import Address
from pycluster.node.view import StatusView
from tests.cluster.agents import AgentProcess, fleet, free_port, overlaps, wait_for
from tests.cluster.attack import Datagrams, Forger, Openings, drain, http_bomb, paced
from tests.cluster.three import HOSTS, agents_on, formed, patient, seated

#: The origin's file names the cluster so.
CLUSTER = "proxy"
_SAMPLE_S = 1.0
_HTTP_OPEN_MAX = 30
#: KiB for each member that an agent came to know: the invented are members as long as nobody has found out.
_MEMBER_KIB = 4
#: MiB for the agent whose page is besieged: as much as may wait for slow readers, and as much again to make answers.
_PAGE_MIB = 16


class Plan(msgspec.Struct, frozen=True):
    """How much, and how fast: ``rate`` datagrams a second over all three; the rest is spread over the same time.

    ``informed``: the attacker listens, and forges news of the members by their true identities. What an unsecured
    cluster believes may then cost elections; it must never have two acting leaders, and must come to rest.
    ``lines_max``: console lines of one agent a minute, about all peers and names that were invented; about each
    of these there is one a minute beyond a burst (docs/promises.md). ``growth_max_mib``: resident memory above what it
    was before, besides what the members that an agent knows at the end and slow readers of its page may take.
    ``patient``: the machine has other things to do, which must not cost the leader its leadership.
    """

    datagrams: int
    rate: float
    openings: int
    ghosts: int
    growth_max_mib: float
    lines_max: int
    informed: bool = False
    patient: bool = False


class Line(msgspec.Struct):
    """A line of the console, as ``-log-format json`` prints it."""

    kind: str
    text: str
    node: str = ""
    fields: dict[str, str | int] = {}


class Watch:
    """One agent's figures: before, at their worst, after."""

    def __init__(self, agent: AgentProcess) -> None:
        self.agent = agent
        self.before_mib = self.peak_mib = self.after_mib = resident_mib(agent)
        self._read = self.agent.err.stat().st_size
        self._busy = cpu_s(agent)

    def sample(self) -> None:
        """Look again."""
        self.after_mib = resident_mib(self.agent)
        self.peak_mib = max(self.peak_mib, self.after_mib)

    def new_lines(self) -> Counter[tuple[str, str]]:
        """Console lines since the beginning, by peer and kind."""
        lines = self.agent.err.read_bytes()[self._read :].splitlines()
        return Counter(_about(msgspec.json.decode(line, type=Line)) for line in lines)

    def busy_s(self) -> float:
        """Seconds of processor since the last question."""
        before, self._busy = self._busy, cpu_s(self.agent)
        return self._busy - before


def play(folder: Path, plan: Plan) -> dict[str, float | int | str]:
    """The attack and its figures; everything that must hold is asserted."""
    agents = agents_on(folder, HOSTS, "-log-format", "json")
    page = free_port("127.0.0.1")
    agents[0].flags = (*agents[0].flags, "-web", f"127.0.0.1:{page}")
    if plan.patient:
        patient(*agents)
    with fleet(*agents):
        formed(agents)
        seated(agents)
        for agent in agents:
            wait_for(f"{agent.name} answers", agent.peek)
        first = {agent.name: _shown(agent) for agent in agents}
        watches = [Watch(agent) for agent in agents]
        seconds = _attack(agents, page, plan, watches, first)
        answers = [_answer_s(agent) for agent in agents]
        told = [watch.new_lines() for watch in watches]
        busy = [watch.busy_s() for watch in watches]
        for agent in agents:
            assert agent.process is not None
            assert agent.process.poll() is None, f"{agent.name} ended:\n{agent.console()[-3_000:]}"
        last = {agent.name: wait_for(f"{agent.name} answers", agent.peek) for agent in agents}
        calm = _calm_cpu(watches)
        if plan.informed:
            last = _at_rest(agents)
    assert overlaps(list(last.values())) == []
    grown = [watch.after_mib - watch.before_mib for watch in watches]
    bounds = [plan.growth_max_mib + len(last[agent.name].members) * _MEMBER_KIB / 1024 for agent in agents]
    bounds[0] += _PAGE_MIB
    minutes = max(1.0, seconds / 60)
    figures: dict[str, float | int | str] = {
        "datagrams": plan.datagrams,
        "openings": plan.openings,
        "seconds": round(seconds, 1),
        "grown MiB": round(max(grown[1:]), 1),
        "grown with the page MiB": round(grown[0], 1),
        "peak MiB": round(max(watch.peak_mib for watch in watches), 1),
        "lines a minute": round(max(lines.total() for lines in told) / minutes, 1),
        "lines a minute, busiest peer": round(max(_of_one_peer(lines) for lines in told) / minutes, 1),
        "busy share": round(max(busy) / seconds, 2),
        "busy share after": round(calm, 2),
        "status s": round(max(answers), 2),
        "members known": max(len(status.members) for status in last.values()),
    }
    if not plan.informed:
        _same_reign(first, last, figures)
    assert all(own <= bound for own, bound in zip(grown, bounds, strict=True)), f"memory grew: {figures} {bounds}"
    assert max(lines.total() for lines in told) / minutes <= plan.lines_max, f"too many lines: {figures}"
    for lines in told:
        chatty = {about: count for about, count in lines.items() if count > PEER_LINES_BURST + math.ceil(minutes)}
        assert chatty == {}, f"more than a burst and a line a minute about one peer: {chatty} {figures}"
    return figures


def _attack(
    agents: tuple[AgentProcess, ...], page: int, plan: Plan, watches: list[Watch], shown: dict[str, StatusView]
) -> float:
    """Everything at once, at the plan's pace; gives the seconds it took."""
    port = int(agents[0].flags[agents[0].flags.index("-port") + 1])
    targets = tuple((host, port) for host in HOSTS.values())
    known = {one.name: (one.uuid, Address(HOSTS[one.name], port)) for one in shown.values()}
    forger = Forger(CLUSTER, seed=1, known=known if plan.informed else None)
    ghosts_left = plan.ghosts

    def make() -> bytes:
        nonlocal ghosts_left
        if ghosts_left > 0 and datagrams.sent % 50 == 0:
            ghosts_left -= 10
            return forger.ghosts(10)
        return forger.datagram()

    datagrams, openings = Datagrams(targets, make), Openings(targets, forger)
    visitors: list[socket.socket] = []
    looked = time.monotonic()

    def step(count: int) -> None:
        nonlocal looked
        datagrams.send(min(count, plan.datagrams - datagrams.sent))
        openings.open(datagrams.sent * plan.openings // plan.datagrams - openings.made)
        if time.monotonic() - looked < _SAMPLE_S:
            return
        looked = time.monotonic()
        for watch in watches:
            watch.sample()
        _bother(visitors, ("127.0.0.1", page), forger.rng)

    try:
        return paced(plan.rate, lambda: datagrams.sent >= plan.datagrams, step)
    finally:
        datagrams.close()
        openings.close()
        for one in visitors:
            one.close()


def _bother(visitors: list[socket.socket], page: tuple[str, int], rng: Random) -> None:
    visitors += [one for _ in range(5) if (one := http_bomb(page, rng)) is not None]
    drain(visitors)
    while len(visitors) > _HTTP_OPEN_MAX:
        visitors.pop(0).close()


def _about(line: Line) -> tuple[str, str]:
    """Whom a line is about, as the agents count it, and its kind."""
    kept_back = re.match(r"\d+ more lines about (.+?) were kept back", line.text)
    peer = str(line.fields.get("peer", "")).rpartition(":")[0] or line.node
    return (kept_back[1] if kept_back else peer), line.kind


def _of_one_peer(lines: Counter[tuple[str, str]]) -> int:
    """How many lines were about the peer of whom most was said."""
    peers: Counter[str] = Counter()
    for (peer, _), count in lines.items():
        peers[peer] += count
    return max(peers.values(), default=0)


def _shown(agent: AgentProcess) -> StatusView:
    return wait_for(f"{agent.name} answers", agent.peek)


def _answer_s(agent: AgentProcess) -> float:
    """How long one question takes right after; that it is answered is asserted, how fast is the caller's to judge."""
    begun = time.monotonic()
    wait_for(f"{agent.name} answers", agent.peek)
    return time.monotonic() - begun


def _same_reign(
    first: dict[str, StatusView], last: dict[str, StatusView], figures: dict[str, float | int | str]
) -> None:
    """The same leader acted all the time: same term, one interval, nobody else any."""
    for name, status in last.items():
        assert status.leader.leader == "node001", (name, status.leader, figures)
        assert status.leader.term == first[name].leader.term, (
            name,
            first[name].leader,
            status.leader,
            figures,
        )
        assert [one.started_us for one in status.acting_intervals] == [
            one.started_us for one in first[name].acting_intervals
        ], (name, status.acting_intervals)
        assert all(one.ended_us is None for one in status.acting_intervals), (name, status.acting_intervals)


def _at_rest(agents: tuple[AgentProcess, ...]) -> dict[str, StatusView]:
    """Everyone's status, once all follow the lowest name again and count each other alive."""

    def look() -> dict[str, StatusView] | None:
        shown = {agent.name: status for agent in agents if (status := agent.peek()) is not None}
        alive = [{one.name for one in status.members if one.state == "alive"} >= {*HOSTS} for status in shown.values()]
        calm = all(status.leader.leader == "node001" for status in shown.values())
        return shown if len(shown) == len(agents) and calm and all(alive) else None

    return wait_for("node001 leads again and all are alive", look, 120)


def _calm_cpu(watches: list[Watch]) -> float:
    """The busiest agent's share of a processor over some seconds of peace."""
    for watch in watches:
        watch.busy_s()
    begun = time.monotonic()
    wait_for("five seconds of peace", lambda: True if time.monotonic() - begun >= 5 else None)
    return max(watch.busy_s() for watch in watches) / (time.monotonic() - begun)


def resident_mib(agent: AgentProcess) -> float:
    """Resident memory."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{agent.pid}/status").read_text(), re.M)
    assert found is not None
    return int(found[1]) / 1024


def cpu_s(agent: AgentProcess) -> float:
    """Seconds of processor it has used, of both kinds."""
    fields = Path(f"/proc/{agent.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
