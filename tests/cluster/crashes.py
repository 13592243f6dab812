"""Three voters under load: kill -9 of one, of the leader or of all, started again; every promise is then looked up."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Literal

from tests.cluster.agents import AgentProcess, fleet, overlaps, wait_for
from tests.cluster.three import HOSTS, agents_on, formed, seated, statuses
from tests.cluster.writers import Load, Promised

Kind = Literal["one", "leader", "all"]
KINDS: tuple[Kind, ...] = ("leader", "one", "all")
#: Changes that pass before, between and after what happens to the agents.
_CHANGES = 30


class Crashes:
    """A formed cluster, and what its clients were promised so far."""

    def __init__(self, agents: tuple[AgentProcess, ...]) -> None:
        self.agents = agents
        self._promised = Promised()

    def round(self, number: int, kind: Kind) -> dict[str, float | int | str]:
        """One death under load and the return; the gap in seconds that the leader's made for writers."""
        load = Load(self.agents, f"r{number}")
        with load.running():
            load.acknowledges(_CHANGES)
            hit = self._victims(kind, Random(number))
            for agent in hit:
                agent.send(signal.SIGKILL)
            killed_s = time.monotonic()
            for agent in hit:
                agent.wait()
            if kind != "all":
                load.acknowledges(_CHANGES)
            gap_s = load.longest_gap(killed_s, time.monotonic())
            for agent in hit:
                agent.start()
            load.acknowledges(_CHANGES)
            for agent in hit:
                wait_for(f"{agent.name} answers again", agent.peek)
        self._promised.check(load, self.agents)
        shown = statuses(self.agents)
        assert overlaps(shown) == [], overlaps(shown)
        figures: dict[str, float | int | str] = {
            "killed": f"{kind}: {' '.join(agent.name for agent in hit)}",
            "writes": len(load.acknowledged),
        }
        return figures | ({"leader's write gap s": round(gap_s, 3)} if kind == "leader" else {})

    def _victims(self, kind: Kind, rng: Random) -> tuple[AgentProcess, ...]:
        match kind:
            case "one":
                return (rng.choice(self.agents),)
            case "leader":
                return (wait_for("somebody leads", self._leader),)
            case "all":
                return self.agents

    def _leader(self) -> AgentProcess | None:
        for agent in self.agents:
            status = agent.peek()
            if status is not None and status.leader.leader == agent.name:
                return agent
        return None


@contextmanager
def three_voters(folder: Path) -> Iterator[Crashes]:
    """Formed, each with its vote."""
    agents = agents_on(folder, HOSTS)
    with fleet(*agents):
        formed(agents)
        seated(agents)
        yield Crashes(agents)
