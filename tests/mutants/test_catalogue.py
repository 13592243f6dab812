"""The catalogue of mutants is about today's source, and what killed some of them still does."""

from __future__ import annotations

import pytest

from benchmarks.evidence.__main__ import BARS
from tests.mutants.__main__ import killed, rekill
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import ROOT, SOURCE, Mutant, occurrences

#: Some of each kind: durability, elections, promises, foundings, logs, members.
A_HANDFUL = (
    "vote-not-awaited",
    "second-vote",
    "promise-ignored",
    "debt-of-a-vote-ignored",
    "founds-without-a-majority",
    "removed-voter-acknowledges",
    "append-acknowledged-early",
    "tombstone-resurrected",
    "confirmations-counted-again",
)


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
def test_the_text_that_a_mutant_replaces_stands_once_in_todays_source(mutant: Mutant) -> None:
    assert occurrences(mutant) == 1, f"{mutant.name}: {mutant.file} was changed; write its text anew"
    text = (SOURCE / mutant.file).read_text().replace(mutant.old, mutant.new)
    compile(text, str(SOURCE.relative_to(ROOT) / mutant.file), "exec")


def test_every_mutant_was_killed_by_a_seed_that_is_written_down() -> None:
    assert len(MUTANTS) >= 20
    assert set(killed()) == set(MUTANTS), "python -m tests.mutants"


def test_the_record_plays_every_mutant_and_the_docs_say_how_many_there_are() -> None:
    assert BARS["mutants"][0] == len(MUTANTS)
    for page in ("docs/promises.md", "docs/protocol/simulator.md"):
        assert f"{len(MUTANTS)} defects" in (ROOT / page).read_text(), page


@pytest.mark.slow
@pytest.mark.parametrize("name", A_HANDFUL)
def test_the_known_seed_still_kills(name: str) -> None:
    found = rekill(MUTANTS[name], killed()[name])
    assert found is not None and found.rule == killed()[name].rule
