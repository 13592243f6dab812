"""How often this node probes: once a period (SWIM §3.1), slower in doubt of itself, faster while many are dying."""

from __future__ import annotations

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership.state import State

#: Two members that are accused on strong evidence within this time: perhaps a rack went dark, or a switch.
_TOGETHER_US = 2 * SECOND
#: After each that follows another so, this node probes so many times as often for so long. Who dies alone costs nobody
#: anything more, and invented accusations cost no more than this.
_FASTER = 5
_HURRY_US = SECOND


class Pace:
    """When the next member is to be probed.

    At one a period by everyone, the last of a hundred that die together is probed for the first time after about ln 100
    periods; so, after one more than the first few.
    """

    def __init__(self, state: State) -> None:
        self._s = state
        #: None before the first period.
        self.next_us: int | None = None
        self._alarm: tuple[str, int] | None = None
        self._hurry_until_us = 0

    def begin(self) -> None:
        """Start the periods, out of step with the others'."""
        s = self._s
        self.next_us = s.now_us + s.rng.randrange(s.params.probe_interval_ms * MILLISECOND)

    def alarmed(self, name: str) -> None:
        """That member is accused on strong evidence: by its kernel's silence or refusal, not by its own alone."""
        s = self._s
        last, self._alarm = self._alarm, (name, s.now_us)
        if last is None or last[0] == name or s.now_us - last[1] > _TOGETHER_US:
            return
        hurried = s.now_us < self._hurry_until_us
        self._hurry_until_us = s.now_us + _HURRY_US
        if not hurried and self.next_us is not None:
            # Out of step, too: all hear of it at about the same time.
            soon_us = s.rng.randrange(s.params.probe_interval_ms * MILLISECOND // _FASTER)
            self.next_us = min(self.next_us, s.now_us + soon_us)

    def take(self) -> int | None:
        """The period's length in µs where a probe is due now, and the next one is set; None where none is."""
        s = self._s
        if self.next_us is None or s.now_us < self.next_us:
            return None
        period_us = s.params.probe_interval_ms * MILLISECOND * (1 + s.health.score)
        pause_us = period_us // _FASTER if s.now_us < self._hurry_until_us else period_us
        self.next_us = max(self.next_us + pause_us, s.now_us + pause_us // 2)
        return period_us
