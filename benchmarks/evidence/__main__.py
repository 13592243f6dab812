"""``make evidence BAR=name``: play what is missing of a bar, then say what it has shown."""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys

from benchmarks.evidence.notebook import Notebook

#: Name -> module, rounds, what it shows.
BARS = {
    "three-agents": (20, "three agents on one port: node001 leads, dies, node002 leads, node001 leads again once"),
    "partitions": (20, "five voters cut two from three in network namespaces, and healed"),
    "seeds": (200, "simulator seeds with every fault"),
    "hundred": (1, "a hundred agents: all see all; processor time and bytes beside Serf's"),
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
    module.play(notebook, notebook.missing(rounds), others)
    return report(notebook, rounds)


def report(notebook: Notebook, wanted: int) -> int:
    """Print what the rounds say together."""
    rounds = [found for found in notebook.rounds() if found.number <= wanted]
    failed = [found for found in rounds if found.failure]
    for key in dict.fromkeys(key for found in rounds for key in found.figures):
        values = [value for found in rounds if isinstance(value := found.figures.get(key), int | float)]
        if values:
            median = statistics.median(values)
            print(f"  {key}: least {min(values):g}, median {median:g}, most {max(values):g} ({len(values)} rounds)")
    for found in failed:
        print(f"  round {found.number} failed: {found.failure}")
    print(f"{notebook.bar}: {len(rounds) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or len(rounds) < wanted else 0


if __name__ == "__main__":
    sys.exit(main())
