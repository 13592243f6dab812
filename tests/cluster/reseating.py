"""Seats that come, go and move under load, with kill -9 among it: the voters are those that were asked for, always."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from pycluster.agent import SOCKET_NAME
from pycluster.client import Client, Endpoint
from pycluster.kernel.errors import RemoteFault
from pycluster.node.ports import Outcome
from pycluster.node.view import StatusView
from tests.cluster.agents import AgentProcess, fleet, free_port, origin_conf, overlaps, wait_for
from tests.cluster.three import seated, statuses
from tests.cluster.writers import Load, Promised

LISTED = {"node001": "127.0.0.1", "node002": "127.0.0.2", "node003": "127.0.0.3"}
OTHERS = {"node004": "127.0.0.4", "node005": "127.0.0.5", "node006": "127.0.0.6"}
FEWEST, MOST = 3, 5
#: Changes that pass before, and after what happens to the seats.
_CHANGES = 20
#: One change may meet a learner that was killed, an election and a grace.
_LIMIT_S = 90.0


class Reseating:
    """Six agents, of which three are in the file, and who has a seat by now."""

    def __init__(self, agents: tuple[AgentProcess, ...]) -> None:
        self.agents = agents
        self.voters = set(LISTED)
        self._promised = Promised()

    def agent(self, name: str) -> AgentProcess:
        """By its name."""
        return next(agent for agent in self.agents if agent.name == name)

    def leader(self) -> AgentProcess | None:
        """Who acts by its own word."""
        for agent in self.agents:
            if agent.ended() is None and (status := agent.peek()) is not None and status.leader.acting:
                return agent
        return None

    def round(self, number: int) -> dict[str, float | int | str]:
        """One change under load, and a death or none while it is under way."""
        rng = Random(number)
        old, new = self._change(rng)
        wanted = (self.voters | {new}) - {old, ""}
        load, everywhere = Load(self.agents, f"v{number}"), rng.choice(("nobody", "leader", "one", "one", "all"))
        with load.running():
            load.acknowledges(_CHANGES)
            begun_s = time.monotonic()
            self._ask_once(old, new)
            wiped = number % 20 == 0
            hit = [self.agent(min(self.voters & wanted))] if wiped else self._victims(everywhere, rng)
            time.sleep(rng.random() * 0.3)  # anywhere between the change's first entry and its last
            self._kill(hit, wipe=wiped)
            self.becomes(old, new, wanted)
            seconds = time.monotonic() - begun_s
            load.acknowledges(_CHANGES)
        self.check(load)
        change = f"{new} for {old}" if old and new else f"+ {new}" if new else f"- {old}"
        return {
            "change": change,
            "killed": " ".join(agent.name for agent in hit) or "nobody",
            "voters": len(self.voters),
            "change s": round(seconds, 2),
            "writes": len(load.acknowledged),
        }

    def becomes(self, old: str, new: str, wanted: set[str]) -> None:
        """Ask whoever leads, again and again, until all agents that have a seat name the voters that are wanted."""

        def so() -> bool | None:
            if self._seen(wanted):
                return True
            self._ask_once(old, new)
            return None

        wait_for(f"the voters are {sorted(wanted)}", so, _LIMIT_S)
        self.voters = wanted

    def check(self, load: Load) -> None:
        """Nothing that was promised is lost, the copies are the same, nobody acted beside another."""
        self._promised.check(load, self.agents)
        shown = statuses(self.agents)
        assert overlaps(shown) == [], overlaps(shown)
        wait_for(f"all name the voters {sorted(self.voters)}", lambda: self._seen(self.voters) or None)

    def _change(self, rng: Random) -> tuple[str, str]:
        """Whose seat goes and who comes; either may be nobody."""
        spare = sorted({agent.name for agent in self.agents} - self.voters)
        kinds = ["replace", "replace"]
        kinds += ["add"] * (len(self.voters) < MOST) + ["remove"] * (len(self.voters) > FEWEST)
        kind = rng.choice(kinds)
        old = "" if kind == "add" else rng.choice(sorted(self.voters))
        return old, "" if kind == "remove" else rng.choice(spare)

    def _ask_once(self, old: str, new: str) -> Outcome | None:
        leader = self.leader()
        if leader is None:
            return None
        client = Client(Endpoint(path=str(leader.data_dir / SOCKET_NAME)), timeout_s=5.0)
        try:
            if old and new:
                return client.replace_voter(old, new)
            return client.add_voter(new) if new else client.remove_voter(old)
        except RemoteFault:
            return None  # it was killed meanwhile, or the learner takes its time

    def _victims(self, kind: str, rng: Random) -> list[AgentProcess]:
        match kind:
            case "leader":
                return [leader for leader in [self.leader()] if leader is not None]
            case "one":
                return [rng.choice(self.agents)]
            case "all":
                return list(self.agents)
            case _:
                return []

    def _kill(self, hit: list[AgentProcess], *, wipe: bool) -> None:
        for agent in hit:
            agent.send(signal.SIGKILL)
        for agent in hit:
            agent.wait()
        for agent in hit:
            if wipe:
                shutil.rmtree(agent.data_dir)
            agent.start()

    def _seen(self, wanted: set[str]) -> bool:
        shown = [agent.peek() for agent in self.agents if agent.name in wanted]
        return all(status is not None and _settled(status, wanted) for status in shown)


def _settled(status: StatusView, wanted: set[str]) -> bool:
    seats = status.quorum.voters
    voters = sorted(seat.name for seat in seats if not seat.learner)
    return voters == sorted(wanted) and not any(seat.learner for seat in seats) and status.quorum.local_is_voter


@contextmanager
def six_agents(folder: Path) -> Iterator[Reseating]:
    """Formed: three have the file's seats, the other three only know where those are."""
    hosts = {**LISTED, **OTHERS}
    port = free_port(*hosts.values())
    conf = origin_conf(folder / "cluster.conf", LISTED, port)
    flags = ("-config", str(conf), "-port", str(port))
    agents = tuple(AgentProcess(name, folder, *flags, "-bind-address", host) for name, host in hosts.items())
    with fleet(*agents):
        seated(agents[: len(LISTED)])
        for agent in agents:
            wait_for(f"{agent.name} sees all", lambda agent=agent: _sees_all(agent, len(agents)))  # type: ignore[misc]
        yield Reseating(agents)


def _sees_all(agent: AgentProcess, count: int) -> bool | None:
    status = agent.peek()
    return True if status is not None and status.counts.alive == count and status.leader.leader else None
