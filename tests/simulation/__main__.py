"""``make simulate``: what ``pycluster.simulator.run`` does, spread over this machine's processors."""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import sys

from pycluster.simulator import run
from pycluster.simulator.episode import play


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", add_help=False, allow_abbrev=False)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--nodes", type=int, default=0)
    options, others = parser.parse_known_args()
    if others:
        return run.main(sys.argv[1:])
    processors = len(os.sched_getaffinity(0))
    seeds = range(options.first, options.first + options.seeds)
    failed = done = 0
    with multiprocessing.Pool(processors) as pool:
        for verdict in pool.imap_unordered(functools.partial(play, nodes=options.nodes), seeds):
            done += 1
            if verdict.rule:
                failed += 1
                print(run.failure_line(verdict, options.nodes), flush=True)
            elif done % 25 == 0:
                print(f"... {done} of {options.seeds} seeds", file=sys.stderr, flush=True)
    print(f"{options.seeds - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
