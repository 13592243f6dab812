"""``python -m pycluster.simulator.run``: many seeds, or one again with its whole story."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from pycluster.simulator.episode import Verdict, play, shape


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as asked; 0 when nothing was violated, 1 otherwise."""
    parser = argparse.ArgumentParser(
        prog="python -m pycluster.simulator.run",
        description="Whole clusters of real nodes on a virtual clock, network and disk, each from one seed.",
    )
    parser.add_argument("--seeds", type=int, default=50, metavar="N", help="how many seeds to run (default 50)")
    parser.add_argument("--first", type=int, default=1, metavar="K", help="the first of them (default 1)")
    parser.add_argument("--seed", type=int, metavar="S", help="replay this one and print its story")
    parser.add_argument("--nodes", type=int, default=0, metavar="N", help="this many nodes, rather than drawn")
    parser.add_argument("--shrink", action="store_true", help="with --seed: leave out every fault that is not needed")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return _replay(options.seed, options.nodes, shrink=options.shrink)
    failed = 0
    for seed in range(options.first, options.first + options.seeds):
        verdict = play(seed, nodes=options.nodes)
        if verdict.rule:
            failed += 1
            print(failure_line(verdict, options.nodes), flush=True)
        elif (seed - options.first + 1) % 25 == 0:
            print(f"... {seed - options.first + 1} of {options.seeds} seeds", file=sys.stderr, flush=True)
    print(f"{options.seeds - failed} passed, {failed} failed")
    return 1 if failed else 0


def failure_line(verdict: Verdict, nodes: int = 0) -> str:
    """The one line that names what was violated and replays it."""
    size = f" NODES={nodes}" if nodes else ""
    return (
        f"FAILED at {verdict.at_us / 1e6:.3f} s: {verdict.rule}: {verdict.text}"
        f" -- replay: make simulate SEED={verdict.seed}{size}"
    )


def _replay(seed: int, nodes: int, *, shrink: bool) -> int:
    without: list[int] = []
    if shrink:
        without = shrunk(seed, nodes)
    plan = shape(seed, nodes)
    print(f"seed {seed}: voters {' '.join(plan.voters)}; others {' '.join(plan.others) or 'none'}; {plan.weather}")
    print(f"clocks off by up to {max(abs(ppm) for _, ppm in plan.clocks.values())} ppm; {plan.mix}")
    if plan.older:
        print(f"of the previous version: {' '.join(plan.older)}")
    for number, fault in enumerate(plan.faults):
        if number not in without:
            print(f"  fault {number} at {fault.at_us / 1e6:.3f} s: {fault}")
    verdict = play(seed, nodes=nodes, without=without, trace=_print)
    print(f"digest {verdict.digest:016x}, {verdict.handled} events, {verdict.leaders} acting intervals")
    print(failure_line(verdict, nodes) if verdict.rule else f"seed {seed} passed")
    return 1 if verdict.rule else 0


def shrunk(seed: int, nodes: int = 0) -> list[int]:
    """The numbers of the faults without which the seed still breaks the same rule."""
    rule = play(seed, nodes=nodes).rule
    without: list[int] = []
    if rule:
        for number in range(len(shape(seed, nodes).faults)):
            if play(seed, nodes=nodes, without=[*without, number]).rule == rule:
                without.append(number)
    return without


def _print(now_us: int, label: str, line: str) -> None:
    print(f"{now_us / 1e6:11.6f} {label:>10} {line}")


if __name__ == "__main__":
    sys.exit(main())
