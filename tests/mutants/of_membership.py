"""Defects of the members' table: whose word counts, when it does, and what is remembered."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

ADMISSION = "membership/admission.py"
LIFECYCLE = "membership/lifecycle.py"
MEMBERS = "membership/members.py"
SUSPICION = "membership/suspicion.py"

MUTANTS = (
    Mutant(
        "old-suspicion-believed",
        "an accusation of an incarnation that is over counts",
        LIFECYCLE,
        "if member is None or member.uuid != accusation.uuid or accusation.incarnation < member.incarnation:",
        "if member is None or member.uuid != accusation.uuid:",
    ),
    Mutant(
        "tombstone-resurrected",
        "the word of the incarnation that was convicted brings the dead back",
        LIFECYCLE,
        "return  # nearly all that is heard in a large cluster",
        'return self._newer_word(known, update) if known.state == "down" else None  # nearly all that is heard',
        scenario="slept_through_a_death",
        tries=60,
    ),
    Mutant(
        "accused-stays-silent",
        "the accused does not refute",
        LIFECYCLE,
        "if isinstance(update, Vouch) or s.leaving:",
        "if not isinstance(update, Alive) or s.leaving:",
    ),
    Mutant(
        "vouch-refutes",
        "another's word ends a suspicion",
        LIFECYCLE,
        "if found.vouch(vouch.by, s.now_us):",
        'self._enter(member, "alive")\n        if found.vouch(vouch.by, s.now_us):',
        scenario="freezes_shortly",
        tries=6,
    ),
    Mutant(
        "one-accuser-suffices",
        "a suspicion that nobody confirms is as short as one that many do",
        SUSPICION,
        "share = math.log(self._count(strength)) / math.log(self._expected + 1)",
        "share = 1.0",
        scenario="lone_accuser",
        tries=6,
    ),
    Mutant(
        "one-refusal-suffices",
        "one accuser alone convicts on a refused connection",
        SUSPICION,
        "self._count(strength)) / math",
        "self._count(strength) + 4 * (strength == REFUSED)) / math",
        scenario="killed_in_a_crowd_of_the_sick",
        tries=6,
    ),
    Mutant(
        "digest-without-state",
        "two tables that differ in who is dead compare equal",
        MEMBERS,
        '{incarnation}\\0{state}".encode()',
        '{incarnation}\\0".encode()',
        scenario="goodbye_missed",
        tries=6,
    ),
    Mutant(
        "old-verdict-believed",
        "a verdict from the other side of a partition is taken over unseen",
        LIFECYCLE,
        "if down.by != s.local.name and not (doubted and down.verified):",
        "if not down.by:",
        scenario="partitioned",
        tries=6,
    ),
    Mutant(
        "name-taken-over",
        "a second node of a name takes it from the first, who lives",
        LIFECYCLE,
        "if not self._names.passes_on(member, alive, free=self._free(member)):",
        "if False:",
        scenario="name_claimed_from_the_other_side",
        tries=6,
    ),
    Mutant(
        "goodbye-not-believed",
        "who says goodbye is accused like one that is silent",
        LIFECYCLE,
        'if member.state == "left":',
        'if member.state != "":',
        scenario="somebody_leaves",
        tries=6,
    ),
    Mutant(
        "dead-forgotten",
        "the dead are forgotten as soon as anybody looks",
        ADMISSION,
        'params.down_keep_ms if state == "down"',
        '0 if state == "down"',
        scenario="dead_for_a_minute",
        tries=6,
    ),
    Mutant(
        "confirmations-counted-again",
        "an accuser counts as one more whenever its word is heard again",
        SUSPICION,
        "own = self._strengths.get(by)",
        "own = self._strengths.pop(by, None)\n        if own is not None:\n"
        '            self._strengths[f"{by}{len(self._strengths)}"] = own\n            own = None',
        scenario="one_word_goes_round",
        tries=3,
    ),
)
