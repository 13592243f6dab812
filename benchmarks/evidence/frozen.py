"""The leader of five frozen (SIGSTOP) in odd rounds, silently cut off in even ones, then let go.

Promised: every other follows the next leader within 1.5 s in the median. Let go, the old one never acts without a new
election: no two ever acted at one time, and when it leads again, having the lowest name, it is in another term.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from random import Random

from benchmarks.deaths import How, bring_back, succession
from benchmarks.evidence.fleets import acting, disjoint, formed
from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import Promise
from benchmarks.fleet import wait_until
from benchmarks.network import Routed, enter_own_network

VOTERS = 5
HOWS: tuple[How, ...] = ("SIGSTOP", "silent cut")
PROMISES = tuple(Promise(f"{how}, all follow the next s", median=1.5) for how in HOWS)
RETURN_LIMIT_S = 60.0
#: How long the old leader stays away after the others have the next one, at most.
AWAY_S = 4.0


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """One round is one cluster's life."""
    del options
    if numbers:
        assert enter_own_network("benchmarks.evidence"), "needs root, nsenter, ip and nft"
        network = Routed(VOTERS)
        for number in numbers:
            notebook.play(number, partial(never_twice, network, number))


def never_twice(network: Routed, number: int) -> dict[str, float | int | str]:
    """The figures of one round, where the records of who acted when are disjoint."""
    how, rng = HOWS[(number - 1) % len(HOWS)], Random(number)
    with formed(network, VOTERS, f"frozen-{number}") as fleet:
        old = fleet.leader()
        assert old is not None
        time.sleep(rng.uniform(1.0, 1.5))
        terms = {interval.term for interval in acting(old)}
        after = succession(fleet, old, how)
        time.sleep(rng.uniform(0.0, AWAY_S))
        back_s = bring_back(fleet, old, how)
        disjoint(fleet)
        wait_until(lambda: fleet.leader() is old, RETURN_LIMIT_S, f"{old.name} leads again")
        disjoint(fleet)
        again = [interval.term for interval in acting(old)]
        assert len(again) == len(set(again)), f"{old.name} acted twice in one of the terms {again}"
        assert terms < set(again), f"{old.name} acted in {terms} before and in {again} in all"
        return {
            f"{how}, all follow the next s": round(after.follows_s, 3),
            f"{how}, the next acts s": round(after.acts_s, 3),
            f"{how}, back s": round(back_s, 2),
        }


def judge(rounds: list[Round]) -> list[str]:
    """The promises that the rounds break."""
    return [line for promise in PROMISES for line in promise.broken(rounds)]
