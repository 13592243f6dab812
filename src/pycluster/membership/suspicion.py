"""One suspicion: who accused, who confirmed, who vouches, and when it convicts (Lifeguard §IV-B, verified)."""

from __future__ import annotations

import math

from pycluster.kernel.units import MILLISECOND
from pycluster.membership.params import Params

#: The last one alive of many has every reason to doubt itself, and still is to say in the end that the others are gone.
_STRETCH_MAX = 3


class Suspicion:
    """The timer of one (member, incarnation). Confirmations shorten it, a vouch holds it, only the suspect ends it."""

    def __init__(self, params: Params, incarnation: int, accuser: str, members: int, health: int, now_us: int) -> None:
        scale = max(1.0, math.log10(max(members, 1)))
        stretch = min(1 + health, _STRETCH_MAX)
        #: µs; a node that doubts itself waits longer (Lifeguard §IV-A).
        self._min_us = int(params.suspicion_alpha * scale * params.probe_interval_ms) * MILLISECOND * stretch
        self._max_us = int(self._min_us * params.suspicion_beta)
        self._expected = max(0, min(params.confirmations, members - 2))
        self._hold_us = params.vouch_hold_ms * MILLISECOND
        self.incarnation = incarnation
        self.started_us = now_us
        self.accusers = [accuser]
        self.vouchers: list[str] = []
        self._held_until_us = 0

    @property
    def confirmations(self) -> int:
        """Independent confirmations beside the first accusation."""
        return len(self.accusers) - 1

    @property
    def verified(self) -> bool:
        """Whether anyone beside the first accuser tried and failed."""
        return self.confirmations > 0

    def confirm(self, by: str) -> bool:
        """Another member failed to reach the suspect by itself; false where that is not new or no more is needed."""
        if by in self.accusers or self.confirmations >= self._expected:
            return False
        self.accusers.append(by)
        return True

    def vouch(self, by: str, now_us: int) -> bool:
        """A verifier reached the suspect: hold the timer, once per verifier and never past the longest time-out."""
        if by in self.vouchers:
            return False
        self.vouchers.append(by)
        self._held_until_us = now_us + self._hold_us
        return True

    def held(self, now_us: int) -> bool:
        """Whether a verifier's word holds the timer at this moment."""
        return now_us < min(self._held_until_us, self.started_us + self._max_us)

    def deadline(self) -> int:
        """When it convicts: max - (max - min) x log(c + 1) / log(k + 1) after its start (Lifeguard §IV-B)."""
        if self._expected == 0:
            return self.started_us + self._max_us
        share = math.log(self.confirmations + 1) / math.log(self._expected + 1)
        timeout_us = max(self._min_us, int(self._max_us - (self._max_us - self._min_us) * share))
        return max(self.started_us + timeout_us, min(self._held_until_us, self.started_us + self._max_us))
