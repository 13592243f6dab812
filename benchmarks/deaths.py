"""One agent dies, freezes or is cut off, and the others say so: what a round of any of these measures is here."""

from __future__ import annotations

from typing import Literal

import msgspec

from benchmarks.fleet import Agent, Fleet, wait_until
from benchmarks.watch import now_us

#: How an agent is taken away. A frozen or cut one stays away until everybody has convicted it.
How = Literal["kill -9", "SIGSTOP", "silent cut"]
HOWS: tuple[How, ...] = ("kill -9", "SIGSTOP", "silent cut")
#: Past this a survivor is taken not to notice at all.
LIMIT_S = 60.0


class Death(msgspec.Struct, frozen=True):
    """Seconds from the deed until the first, the middle and the last survivor said down; ``missed`` never did."""

    first_s: float
    median_s: float
    last_s: float
    missed: tuple[str, ...] = ()


class Succession(msgspec.Struct, frozen=True):
    """Seconds from the deed until all but the next leader follow it, until the voters do, and until it acts."""

    heir: str
    follows_s: float
    voters_follow_s: float
    acts_s: float


def take_away(agent: Agent, how: How) -> int:
    """Do it; the moment before, in microseconds of the boot-time clock."""
    at_us = now_us()
    match how:
        case "kill -9":
            agent.kill()
        case "SIGSTOP":
            agent.freeze()
        case "silent cut":
            agent.cut()
    if how == "kill -9":
        agent.end()
    return at_us


def bring_back(fleet: Fleet, agent: Agent, how: How) -> float:
    """Undo it, and wait until all see each other and follow one leader; seconds of that."""
    begun = now_us()
    match how:
        case "kill -9":
            agent.start()
        case "SIGSTOP":
            agent.thaw()
        case "silent cut":
            agent.heal()
    fleet.settled()
    return (now_us() - begun) / 1e6


def death(fleet: Fleet, agent: Agent, how: How) -> Death:
    """Take it away and listen to the survivors; it stays away."""
    at_us = take_away(agent, how)
    survivors = fleet.present()

    def heard() -> list[float]:
        firsts = fleet.watch.first(at_us, "down", agent.name)
        return sorted((firsts[name].at_us - at_us) / 1e6 for name in survivors if name in firsts)

    try:
        wait_until(lambda: len(heard()) == len(survivors), LIMIT_S, "every survivor says down")
    except TimeoutError:
        told = heard() or [LIMIT_S]
        firsts = fleet.watch.first(at_us, "down", agent.name)
        missed = tuple(name for name in survivors if name not in firsts)
        return Death(told[0], told[len(told) // 2], LIMIT_S, missed)
    told = heard()
    return Death(told[0], told[len(told) // 2], told[-1])


def succession(fleet: Fleet, leader: Agent, how: How) -> Succession:
    """Take the leader away and listen to the others; it stays away. ``TimeoutError`` where nobody succeeds it."""
    at_us = take_away(leader, how)
    others = fleet.present()
    voters = [agent.name for agent in fleet.agents[: fleet.voters] if agent.name in others]
    found: list[Succession] = []

    def succeeded() -> bool:
        acting = fleet.watch.first(at_us, "acts")
        for heir in (name for name in others if name in acting):
            # An heir that acts at once says no more than that.
            follow = {heir: acting[heir]} | fleet.watch.first(at_us, "follows", heir)
            if all(name in follow for name in others):
                last_us = max(follow[name].at_us for name in others)
                voter_us = max(follow[name].at_us for name in voters)
                moments = (last_us, voter_us, acting[heir].at_us)
                found.append(Succession(heir, *((moment - at_us) / 1e6 for moment in moments)))
                return True
        return False

    wait_until(succeeded, LIMIT_S, f"every survivor follows a leader after {leader.name}, see {fleet.folder}")
    return found[0]
