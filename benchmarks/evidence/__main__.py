"""``make evidence BAR=name``: play what is missing of a bar, then say what it has shown."""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
from collections.abc import Callable

from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import percentile, values
from benchmarks.fleet import stop_quietly

#: Name -> module, rounds, what it shows.
BARS = {
    "three-agents": (20, "three agents on one port: node001 leads, dies, node002 leads, node001 leads again once"),
    "partitions": (20, "five voters cut two from three in network namespaces, and healed"),
    "rounds": (200, "random faults of real processes and networks, five voters and five members"),
    "writes": (100, "kill -9 of the leader, of one or of all under load: nothing acknowledged lost, counters exact"),
    "voters": (200, "seats come, go and move under load, with kill -9 among it: nothing lost, nobody acts twice"),
    "outages": (50, "the power of three voters goes at once under load: nothing acknowledged lost"),
    "histories": (20, "five voters cut two from three under load: the two refuse, the history is linearizable"),
    "watchers": (
        5,
        "1,000 watchers of a key each, 20 of all, the leader killed: each hears each change once, in order",
    ),
    "etcd": (5, "three agents beside three of etcd under wrk: as many puts, no later, and twice the reads"),
    "rendered": (
        3,
        "three agents, one with 500 files: all follow 200 changes, 99 % within a second; one key, one file",
    ),
    "canary": (3, "ten agents, a bad version, canary 1: stopped, rolled back, nine untouched, told everywhere"),
    "rollout": (
        50,
        "six agents, the leader killed in the middle of a rollout: the next goes on, none twice, none skipped",
    ),
    "nginx": (
        1,
        "three nginx under wrk, their files rendered and reloaded 200 times: no request fails, 99 % within a second",
    ),
    "haproxy": (
        3,
        "ten HAProxies, a bad configuration, canary 1: stops there, taken back, nine untouched, reason told",
    ),
    "placing": (11, "kill -9 after every step of putting files in place, and again: old or new, whole, and finished"),
    "million": (1, "1,000,000 keys: memory, a snapshot without an election, a restart"),
    "seeds": (200, "simulator seeds with every fault"),
    "failover": (40, "3 and 5 voters, kill -9 of the leader: the next is followed, median 0.3 s, worst 2 s"),
    "frozen": (40, "leader frozen, leader silently cut off: the next is followed, median 1.5 s; no acting twice"),
    "kills": (25, "a hundred agents, kill -9: every survivor says down, median 1 s, p95 3 s; every fifth is Serf's"),
    "cuts": (
        25,
        "a hundred agents, silent cuts: every survivor says down, median 4 s, worst 8 s; every fifth is Serf's",
    ),
    "convictions": (8, "a hundred agents idle, frozen 3 s, starved: nobody healthy convicted; the same with Serf"),
    "mutants": (83, "a defect planted in the cores each: a checker kills it, and spares the product as it is"),
    "thousand": (1, "simulated: 1,000 nodes, 2 % loss; idle messages, and a hundred silent crashes known to all"),
    "five-thousand": (1, "simulated: 5,000 nodes, fifty silent crashes, within ten minutes of CPU and 8 GiB"),
    "hundred": (1, "a hundred agents: all see all; processor time and bytes beside Serf's"),
    "hostile": (1, "a million hostile datagrams, 10,000 broken openings: no leader change, memory and log bounded"),
    "differential": (20, "100 histories of 100 operations a round, told to etcd 3.4 and to us: the same answers"),
    "fuzz": (14, "every decoder, fuzzed with coverage feedback for a minute each: nothing found"),
    "memory": (5, "resident memory after one question, and with the page open"),
    "debian": (1, "a clean clone on a bare Debian: make demo, make test"),
}


def main() -> int:
    """0 when every round of the bar held."""
    parser = argparse.ArgumentParser(prog="make evidence BAR=")
    parser.add_argument("bar", nargs="?", choices=[*BARS], metavar="BAR")
    parser.add_argument("--rounds", type=int, default=0, help="rather than the bar's own number")
    given, others = parser.parse_known_args()
    if given.bar is None:
        for name, (rounds, what) in BARS.items():
            print(f"{name:<13} {rounds:>3} rounds  {what}")
        return 0
    notebook = Notebook(given.bar)
    rounds = given.rounds or BARS[given.bar][0]
    module = importlib.import_module(f"benchmarks.evidence.{given.bar.replace('-', '_')}")
    stop_quietly()
    module.play(notebook, notebook.missing(rounds), others)
    return report(notebook, rounds, getattr(module, "judge", lambda _: []))


def report(notebook: Notebook, wanted: int, judge: Callable[[list[Round]], list[str]]) -> int:
    """Print what the rounds say together; ``judge`` says which promises they break."""
    rounds = [found for found in notebook.rounds() if found.number <= wanted]
    failed = [found for found in rounds if found.failure]
    for key in dict.fromkeys(key for found in rounds for key in found.figures):
        shown = values(rounds, key)
        if shown:
            middle = f"median {statistics.median(shown):g}, 95th percentile {percentile(shown, 95):g}"
            print(f"  {key}: least {min(shown):g}, {middle}, most {max(shown):g} ({len(shown)} rounds)")
    for found in failed:
        print(f"  round {found.number} failed: {found.failure}")
    broken = judge(rounds)
    for line in broken:
        print(f"  promise broken: {line}")
    print(f"{notebook.bar}: {len(rounds) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or broken or len(rounds) < wanted else 0


if __name__ == "__main__":
    sys.exit(main())
