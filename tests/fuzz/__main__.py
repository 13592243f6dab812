"""``python -m tests.fuzz TARGET --seconds N``: coverage-guided fuzzing of one decoder with atheris (libFuzzer).

atheris is no dependency of the project: ``pip install atheris`` into the environment, or the dependency group ``fuzz``.
The corpus grows in ``evidence/fuzz/TARGET``; an input that breaks something is left in ``evidence/fuzz/found``.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz.mutation import mutated_bytes
from tests.fuzz.targets import TARGETS, Target, target

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "evidence" / "fuzz"
_INPUT_MAX_BYTES = 4_096
_RSS_MAX_MIB = 1_024
_ONE_INPUT_MAX_S = 10


def main() -> int:
    """Does not return where atheris runs: libFuzzer ends the process, with 0 where nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=[*TARGETS], metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--replay", type=Path, help="run this one input, without atheris")
    given = parser.parse_args()
    if given.replay is not None:
        target(given.target).run(given.replay.read_bytes())
        return 0
    try:
        import atheris
    except ImportError:
        print("atheris is not installed in this environment: make fuzz installs it (Linux only)")
        return 2
    with atheris.instrument_imports(include=["pycluster"]):
        chosen = target(given.target)
    corpus, found = FOLDER / chosen.name, FOLDER / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in chosen.seeds:
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    arguments = [
        sys.argv[0],
        f"-max_total_time={given.seconds}",
        f"-max_len={_INPUT_MAX_BYTES}",
        f"-rss_limit_mb={_RSS_MAX_MIB}",
        f"-timeout={_ONE_INPUT_MAX_S}",
        f"-artifact_prefix={found}/{chosen.name}-",
        "-print_final_stats=1",
        str(corpus),
    ]
    if chosen.mutate is None:
        atheris.Setup(arguments, chosen.run)
    else:
        atheris.Setup(arguments, chosen.run, custom_mutator=_mutator(chosen))
    atheris.Fuzz()
    return 0


def _mutator(chosen: Target) -> Callable[[bytes, int, int], bytes]:
    """What the C of msgspec or SQLite decides gives libFuzzer no feedback, so a third of all begin at a seed."""
    own = chosen.mutate or mutated_bytes

    def mutator(data: bytes, max_size: int, seed: int) -> bytes:
        rng = Random(seed)
        base = rng.choice(chosen.seeds) if rng.random() < 0.33 else data
        changed = own(base, rng) if rng.random() < 0.8 else mutated_bytes(base, rng)
        return changed[:max_size]

    return mutator


if __name__ == "__main__":
    sys.exit(main())
