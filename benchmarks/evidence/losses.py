"""One agent of a big fleet lost a round, and brought back before the next: what the bars ``kills`` and ``cuts`` share.

One formation serves all rounds of a run, PyCluster's first, then Serf's: every fifth round is Serf's. A run that goes
on where another stopped forms anew. Half of PyCluster's victims vote, the leader among them as it comes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from random import Random

from benchmarks.deaths import How, bring_back, death
from benchmarks.evidence.fleets import formed
from benchmarks.evidence.notebook import Notebook
from benchmarks.fleet import Fleet
from benchmarks.network import Loopback, Routed, enter_own_network
from benchmarks.systems import PYCLUSTER, SERF, available
from benchmarks.watch import now_us

#: Every round whose number this divides is Serf's; where Serf is not installed those rounds stay missing.
SERF_EVERY = 5


def play_losses(notebook: Notebook, numbers: Sequence[int], options: Sequence[str], how: How) -> None:
    """``--agents`` for a smaller fleet."""
    parser = argparse.ArgumentParser(prog=f"make evidence BAR={notebook.bar}")
    parser.add_argument("--agents", type=int, default=100)
    agents = parser.parse_args(options).agents
    if not numbers:
        return
    routed = enter_own_network("benchmarks.evidence")
    assert routed or how != "silent cut", "needs root, nsenter, ip and nft"
    network = Routed(agents) if routed else Loopback()
    for system in (PYCLUSTER, SERF):
        mine = [number for number in numbers if (number % SERF_EVERY == 0) == (system is SERF)]
        if mine and system in available():
            with formed(network, agents, notebook.bar, system) as fleet:
                for number in mine:
                    if notebook.play(number, partial(lost, fleet, number, how)).failure:
                        fleet.kept = True
                        break  # the fleet is in a state that no round expects


def lost(fleet: Fleet, number: int, how: How) -> dict[str, float | int | str]:
    """One victim; the round ends when all see each other again."""
    voters, others = fleet.agents[: fleet.voters], fleet.agents[fleet.voters :]
    rng = Random(f"{how} {number}")
    victim = rng.choice(voters if voters and (number % 2 or not others) else others)
    role = "voter" if victim in voters else "member"
    role = "leader" if victim is fleet.leader() else role
    time.sleep(rng.uniform(1.0, 3.0))
    begun_us = now_us()
    found = death(fleet, victim, how)
    assert not found.missed, f"{victim.name} was never noticed by {', '.join(found.missed)}, see {fleet.folder}"
    back_s = bring_back(fleet, victim, how)
    title = fleet.system.title
    healthy = {said.about for said in fleet.watch.since(begun_us, "down") if victim.name not in (said.by, said.about)}
    return {
        "victim": f"{victim.name} ({role})",
        f"{title}: first says down s": round(found.first_s, 2),
        f"{title}: half say down s": round(found.median_s, 2),
        f"{title}: all say down s": round(found.last_s, 2),
        f"{title}: whole again s": round(back_s, 2),
        f"{title}: healthy convicted": len(healthy),
    }
