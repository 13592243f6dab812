"""Defects of the changes of the voters: who counts, in which order seats come and go, what is kept."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

JOURNAL = "consensus/journal.py"
RECONFIGURE = "consensus/reconfigure.py"
REPLICATION = "consensus/replication.py"
SEATING = "node/seating.py"

MUTANTS = (
    Mutant(
        "learner-counts",
        "a learner's copy counts towards a commit (Raft §4.2.1)",
        REPLICATION,
        "matches = sorted((self._match(seat) for seat in s.voters), reverse=True)",
        "matches = sorted((self._match(seat) for seat in s.electorate.seats), reverse=True)",
        "a_learner_beside_a_slow_voter",
        20,
    ),
    Mutant(
        "promoted-before-caught-up",
        "a learner votes before it has what is committed (Raft §4.2.1)",
        RECONFIGURE,
        "if not self._replication.answers(learner) or not self._replication.follows(learner.uuid):",
        "if not self._replication.answers(learner):",
        "a_learner_with_a_slow_disk",
        20,
    ),
    Mutant(
        "change-not-undone",
        "a configuration whose entry was truncated stays in force (Raft §4.1)",
        JOURNAL,
        "while self._configurations and self._configurations[-1][0] >= index:",
        "while False:",
        "a_change_that_is_lost",
        20,
    ),
    Mutant(
        "seat-moves-in-one-step",
        "one entry gives a seat and takes another away (Raft §4.1)",
        RECONFIGURE,
        "voters=tuple(sorted((*configuration.voters, learner))),",
        "voters=tuple(sorted((*(v for v in configuration.voters"
        " if configuration.moving is None or v.name != configuration.moving.old), learner))),",
        "a_seat_moves",
        20,
    ),
    Mutant(
        "seat-goes-before-another-votes",
        "a seat that is to move goes at once",
        RECONFIGURE,
        "if not moved or len(configuration.voters)",
        "if len(configuration.voters)",
        "a_seat_moves",
        20,
    ),
    Mutant(
        "removal-keeps-no-quorum",
        "a seat is taken away without asking who is left",
        RECONFIGURE,
        "if len(up) < majority(len(left)):\n            silent",
        "if len(up) < 0:\n            silent",
        "one_is_dead_and_another_shall_go",
        20,
    ),
    Mutant(
        "addresses-not-kept",
        "where the voters are is forgotten when a process ends",
        SEATING,
        "self._outbox.append(effects.KeepSeats(kept))",
        "pass",
        "those_who_are_listed_are_gone",
        20,
    ),
    Mutant(
        "eighth-voter",
        "as many vote as are asked for",
        RECONFIGURE,
        "if len(names) >= VOTERS_MAX:",
        "if len(names) < 0:",
        "an_eighth_voter",
        20,
    ),
)
