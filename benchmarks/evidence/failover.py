"""kill -9 of the leader, 3 and 5 voters in turn, each round on a fresh cluster, up to the return of the lowest name.

Promised: every survivor follows the next leader within 0.3 s in the median and 2 s at worst. The second figure is the
gap in which nobody acts. The lowest name is restarted and leads again before a round ends; in a cluster that went on it
would wait longer each time (``hold_down_ms``), so each round has a cluster of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from random import Random

from benchmarks.deaths import bring_back, succession
from benchmarks.evidence.fleets import disjoint, formed
from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import Promise
from benchmarks.fleet import wait_until
from benchmarks.network import Loopback, Routed, enter_own_network

SIZES = (3, 5)
PROMISES = (Promise("all follow the next s", median=0.3, worst=2.0),)
#: A hold-down of 5 s, an election, a transfer; generous, since nothing is promised here.
RETURN_LIMIT_S = 60.0


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """Odd rounds have 3 voters, even ones 5."""
    del options
    if numbers:
        network = Routed(max(SIZES)) if enter_own_network("benchmarks.evidence") else Loopback()
        for number in numbers:
            notebook.play(number, partial(led_again, network, number))


def led_again(network: Loopback, number: int) -> dict[str, float | int | str]:
    """One cluster's life; the leader dies at a random moment between two heartbeats."""
    with formed(network, SIZES[(number - 1) % len(SIZES)], f"failover-{number}") as fleet:
        leader = fleet.leader()
        assert leader is not None
        time.sleep(Random(number).uniform(1.0, 1.5))
        after = succession(fleet, leader, "kill -9")
        back_s = bring_back(fleet, leader, "kill -9")
        wait_until(lambda: fleet.leader() is leader, RETURN_LIMIT_S, f"{leader.name} leads again")
        disjoint(fleet)
        return {
            "voters": str(fleet.voters),
            "all follow the next s": round(after.follows_s, 3),
            "the next acts s": round(after.acts_s, 3),
            "back s": round(back_s, 2),
        }


def judge(rounds: list[Round]) -> list[str]:
    """The promises that the rounds break."""
    return [line for promise in PROMISES for line in promise.broken(rounds)]
