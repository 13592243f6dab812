"""Every mutant, by name."""

from __future__ import annotations

from tests.mutants import of_consensus, of_membership, of_state
from tests.mutants.mutant import Mutant

MUTANTS: dict[str, Mutant] = {
    mutant.name: mutant for mutant in (*of_consensus.MUTANTS, *of_membership.MUTANTS, *of_state.MUTANTS)
}
