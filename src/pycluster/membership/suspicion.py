"""One suspicion: who accused how strongly, who vouches, and when it convicts (Lifeguard §IV-B, verified)."""

from __future__ import annotations

import math

from pycluster.kernel.units import MILLISECOND
from pycluster.membership.params import Params

#: What an accuser saw: nothing at all, no connection over TCP, or a connection refused. None of them heard it by UDP.
SILENT, UNREACHABLE, REFUSED = 0, 1, 2
STRENGTHS = ("silent", "unreachable", "refused")

#: The last one alive of many has every reason to doubt itself, and still is to say in the end that the others are gone.
_STRETCH_MAX = 3
#: Vouchers that count: more than verify in any cluster, and nobody keeps a list of invented ones.
_VOUCHERS_MAX = 32


def bounded(strength: int) -> int:
    """What lies outside counts as the nearest."""
    return min(max(strength, SILENT), REFUSED)


class Suspicion:
    """The timer of one (member, incarnation). Confirmations shorten it, a vouch holds it, only the suspect ends it.

    ``strength`` is the first accuser's evidence, 0 to 2. Each strength has its own shortest time, reached by enough
    accusers of at least that strength.
    """

    def __init__(
        self,
        params: Params,
        incarnation: int,
        accuser: str,
        members: int,
        health: int,
        now_us: int,
        strength: int = SILENT,
    ) -> None:
        scale = max(1.0, math.log10(max(members, 1)))
        stretch = min(1 + health, _STRETCH_MAX)
        silent_us = int(params.suspicion_alpha * scale * params.probe_interval_ms) * MILLISECOND * stretch
        unreachable_us = params.unreachable_suspicion_ms * MILLISECOND * stretch
        refused_us = params.refused_suspicion_ms * MILLISECOND
        #: µs by strength; who doubts itself waits longer (Lifeguard §IV-A), but who is sick sees no refusals.
        self._least_us = (silent_us, min(unreachable_us, silent_us), min(refused_us, silent_us))
        self._most_us = int(silent_us * params.suspicion_beta)
        self._fair_us = min(refused_us, silent_us)
        self._expected = max(0, min(params.confirmations, members - 2))
        self._hold_us = params.vouch_hold_ms * MILLISECOND
        self._strengths = {accuser: strength}
        #: When somebody first accused with each strength or more; as many as there are strengths so far.
        self._since_us = [now_us] * (strength + 1)
        self._held_until_us = 0
        self.incarnation = incarnation
        self.started_us = now_us
        self.vouchers: list[str] = []
        self._deadline_us = self._reckon()

    @property
    def accusers(self) -> list[str]:
        """In the order in which they were first heard of."""
        return list(self._strengths)

    @property
    def strength(self) -> int:
        """The strongest evidence so far."""
        return len(self._since_us) - 1

    @property
    def verified(self) -> bool:
        """Whether anyone beside the first accuser tried and failed."""
        return len(self._strengths) > 1

    def strength_of(self, accuser: str) -> int:
        """That accuser's strongest evidence; -1 where it has not accused."""
        return self._strengths.get(accuser, -1)

    def counts(self, by: str, strength: int) -> bool:
        """Whether ``confirm`` would take that attempt."""
        own = self._strengths.get(by)
        if own is None:
            return self._expected > 0 and self._count(strength) <= self._expected
        return strength > own and self._count(strength) <= self._expected

    def confirm(self, by: str, strength: int, now_us: int) -> bool:
        """A failed attempt by another, or by the same with stronger evidence.

        False where it is neither, or where enough have accused as strongly.
        """
        if not self.counts(by, strength):
            return False
        self._strengths[by] = strength
        while self.strength < strength:
            self._since_us.append(now_us)
        self._deadline_us = self._reckon()
        return True

    def vouch(self, by: str, now_us: int) -> bool:
        """A verifier reached the suspect: hold the timer, once per verifier and never past the longest time-out."""
        if by in self.vouchers or len(self.vouchers) >= _VOUCHERS_MAX:
            return False
        self.vouchers.append(by)
        self._held_until_us = now_us + self._hold_us
        self._deadline_us = self._reckon()
        return True

    def held(self, now_us: int) -> bool:
        """Whether a verifier's word holds the timer at this moment."""
        return now_us < min(self._held_until_us, self.started_us + self._most_us)

    def deadline(self) -> int:
        """When it convicts: the earliest that any strength allows, or later where a vouch holds it."""
        return self._deadline_us

    def patience_us(self) -> int:
        """After so long whoever has heard all that there is to hear has convicted, or heard of a refutation."""
        return self._least_us[self.strength] + self._fair_us

    def _reckon(self) -> int:
        if self._expected == 0:
            return self.started_us + self._most_us
        earliest_us = min(self._deadline_by(strength) for strength in range(self.strength + 1))
        return max(earliest_us, min(self._held_until_us, self.started_us + self._most_us))

    def _deadline_by(self, strength: int) -> int:
        """Lifeguard §IV-B: most - (most - least) x log(c + 1) / log(k + 1), and time to refute what was new."""
        least_us = self._least_us[strength]
        share = math.log(self._count(strength)) / math.log(self._expected + 1)
        timeout_us = max(least_us, int(self._most_us - (self._most_us - least_us) * share))
        return max(self.started_us + timeout_us, self._since_us[strength] + self._fair_us)

    def _count(self, strength: int) -> int:
        """Accusers of at least that strength."""
        return sum([own >= strength for own in self._strengths.values()])
