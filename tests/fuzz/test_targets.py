"""Every target takes its seeds and a few hundred changes of them, without atheris: what is fuzzed stays fuzzable."""

from __future__ import annotations

from random import Random

import pytest

from benchmarks.evidence.__main__ import BARS
from tests.fuzz.mutation import mutated_bytes, mutated_frame
from tests.fuzz.targets import TARGETS, target

#: The costly ones open a database or build a node each time.
CHANGES = {"storage": 60, "http": 60, "node": 120}


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_survives_its_seeds_and_what_becomes_of_them(name: str) -> None:
    chosen, rng = target(name), Random(7)
    assert chosen.seeds
    for seed in chosen.seeds:
        chosen.run(seed)
    change = chosen.mutate or mutated_bytes
    for _ in range(CHANGES.get(name, 400)):
        chosen.run(change(rng.choice(chosen.seeds), rng))


def test_half_of_all_damaged_frames_still_open_the_door() -> None:
    """Else the damage would only ever reach the header's checks."""
    rng = Random(3)
    seeds = target("wire").seeds
    damaged = [mutated_frame(rng.choice(seeds)[1:], rng) for _ in range(400)]
    assert sum(frame[:2] == b"PC" for frame in damaged) > 300


def test_the_same_seed_makes_the_same_damage() -> None:
    frame = target("wire").seeds[0][1:]
    assert [mutated_frame(frame, Random(n)) for n in range(50)] == [mutated_frame(frame, Random(n)) for n in range(50)]


def test_the_long_proof_plays_every_target() -> None:
    rounds, _ = BARS["fuzz"]
    assert rounds == len(TARGETS)
