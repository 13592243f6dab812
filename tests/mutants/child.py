"""``python -m tests.mutants.child FIRST TRIES NODES [SCENARIO]``: seeds in turn until one violates a rule.

Runs on whatever ``pycluster`` is first on the path, and prints one line of JSON: the violation, or null.
"""

from __future__ import annotations

import json
import sys

from pycluster.simulator.checkers import Violation
from pycluster.simulator.cluster import Cluster
from pycluster.simulator.episode import play
from tests.mutants import changes, copies, plots, scenarios, seats, sieges
from tests.mutants.stage import Stage

_PLOTS = (scenarios, sieges, seats, changes, plots, copies)


def main() -> None:
    first, tries, nodes, *named = sys.argv[1:]
    for seed in range(int(first), int(first) + int(tries)):
        found = _staged(named[0], seed) if named else _played(seed, int(nodes))
        if found is not None:
            print(json.dumps(found))
            return
    print("null")


def _played(seed: int, nodes: int) -> dict[str, int | str] | None:
    verdict = play(seed, nodes=nodes)
    return _found(seed, verdict.rule, verdict.text, verdict.at_us) if verdict.rule else None


def _staged(name: str, seed: int) -> dict[str, int | str] | None:
    stage = Stage(seed)
    try:
        next(getattr(module, name) for module in _PLOTS if hasattr(module, name))(stage)
    except Violation as violation:
        return _found(seed, violation.rule, violation.text, now_us(stage.cluster))
    except Exception as error:  # as in the seeds: whatever the product raises is a finding
        return _found(seed, "no exception", f"{type(error).__name__}: {error}", now_us(stage.cluster))
    return None


def now_us(cluster: Cluster | None) -> int:
    """When it ended, in virtual µs."""
    return cluster.world.now_us if cluster is not None else 0


def _found(seed: int, rule: str, text: str, at_us: int) -> dict[str, int | str]:
    return {"seed": seed, "rule": rule, "text": text, "at_us": at_us}


if __name__ == "__main__":
    main()
