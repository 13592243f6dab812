"""``python -m tests.mutants [NAME ...]``: hunt mutants down, and write down who killed each.

Without names: all of them. 1 where one survives, or where what killed it also fails on the product as it is.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import msgspec

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Kill, Mutant, hunt, planted

KILLED = Path(__file__).with_name("killed.json")


def killed() -> dict[str, Kill]:
    """By name: what killed each mutant the last time that all were hunted."""
    return msgspec.json.decode(KILLED.read_bytes(), type=dict[str, Kill]) if KILLED.exists() else {}


def rekill(mutant: Mutant, known: Kill) -> Kill | None:
    """Hunt with the seed that is known to kill it."""
    with tempfile.TemporaryDirectory() as folder:
        return hunt(mutant, planted(mutant, Path(folder)), known.seed, 1)


def spared(mutant: Mutant, kill: Kill) -> Kill | None:
    """What the same hunt says of the product without the defect; None is right."""
    with tempfile.TemporaryDirectory() as folder:
        return hunt(mutant, planted(None, Path(folder)), kill.seed, 1)


def kill_one(mutant: Mutant, known: Kill | None) -> Kill | None:
    """The known seed first, then all that the mutant is given."""
    found = rekill(mutant, known) if known is not None else None
    if found is None:
        with tempfile.TemporaryDirectory() as folder:
            found = hunt(mutant, planted(mutant, Path(folder)))
    if found is not None and (false := spared(mutant, found)) is not None:
        print(f"{mutant.name}: {false.rule} also on the product as it is (seed {false.seed}: {false.text})")
        return None
    return found


def keep(known: dict[str, Kill]) -> None:
    """Write down what is known, in the catalogue's order; a long hunt may be cut short."""
    ordered = {name: known[name] for name in MUTANTS if name in known}
    KILLED.write_bytes(msgspec.json.format(msgspec.json.encode(ordered), indent=1) + b"\n")


def main() -> int:
    """Hunt, print the table, keep it in ``killed.json``."""
    names = sys.argv[1:] or list(MUTANTS)
    known = killed()
    survivors = []
    for name in names:
        found = kill_one(MUTANTS[name], known.get(name))
        if found is None:
            survivors.append(name)
            print(f"{name:<32} SURVIVES", flush=True)
            known.pop(name, None)
            keep(known)
            continue
        known[name] = found
        keep(known)
        where = MUTANTS[name].scenario or "simulate"
        print(f"{name:<32} {where:<24} seed {found.seed:<4} {found.at_us / 1e6:8.3f} s  {found.rule}", flush=True)
    print(f"{len(names) - len(survivors)} killed, {len(survivors)} survive")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
