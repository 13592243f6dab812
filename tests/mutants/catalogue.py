"""Every mutant, by name."""

from __future__ import annotations

from tests.mutants import of_consensus, of_membership, of_state, of_voters
from tests.mutants.mutant import Mutant

MUTANTS: dict[str, Mutant] = {
    mutant.name: mutant for kind in (of_consensus, of_voters, of_membership, of_state) for mutant in kind.MUTANTS
}
