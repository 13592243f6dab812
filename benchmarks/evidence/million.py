"""1,000,000 keys of 40 bytes with values of 100, by way of the API: memory, a snapshot under way, a restart."""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks import trio, wrk
from benchmarks.evidence.notebook import Notebook
from benchmarks.fleet import wait_until

KEYS = 1_000_000
RESIDENT_MAX_MIB = 600.0
RESTART_MAX_S = 20.0
#: Keys written in one step, between which the members are asked who leads.
_STEP = 20_000


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """One round is one fresh trio; ``--keys`` for fewer."""
    keys = int(options[1]) if options[:1] == ["--keys"] else KEYS
    for number in numbers:
        notebook.play(number, lambda: one_life(keys))


def one_life(keys: int) -> dict[str, float | int | str]:
    """Load, look, restart one that follows, count what it has."""
    with trio.running(trio.pycluster()) as [one]:
        term = one.term()
        begun = time.monotonic()
        pairs = wrk.pairs(keys)
        largest_mib = 0.0
        for first in range(0, keys, _STEP):
            one.load(pairs[first : first + _STEP])
            largest_mib = max(largest_mib, *(trio.resident_mib(one.pid(place)) for place in range(len(trio.HOSTS))))
        loaded_s = time.monotonic() - begun
        del pairs
        snapshots = one.snapshots()
        assert one.settled() and one.term() == term, f"term {one.term()} after term {term}: there was an election"
        place = one.follower
        one.stop_one(place)
        begun = time.monotonic()
        one.start_one(place)
        wait_until(lambda: one.serves(place, keys), 10 * RESTART_MAX_S, f"all {keys} keys at the restarted member")
        restart_s = time.monotonic() - begun
        after_mib = trio.resident_mib(one.pid(place))
    largest_mib = max(largest_mib, after_mib)
    assert largest_mib <= RESIDENT_MAX_MIB, f"{largest_mib:.0f} MiB resident"
    assert restart_s <= RESTART_MAX_S, f"{restart_s:.1f} s until the restarted member serves"
    assert snapshots, "no snapshot was made meanwhile"
    return {
        "loaded s": round(loaded_s, 1),
        "resident MiB": round(largest_mib),
        "restarted MiB": round(after_mib),
        "restart s": round(restart_s, 1),
    }
