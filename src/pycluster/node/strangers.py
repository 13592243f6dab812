"""Bad input is counted and dropped; a stranger is told why, and the operator reads of it, once a minute each."""

from __future__ import annotations

from collections import OrderedDict

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND
from pycluster.node.config import Params


class Strangers:
    """Remembers whom it has answered lately, within a bound."""

    def __init__(self, params: Params) -> None:
        self._interval_us = params.refusal_interval_ms * MILLISECOND
        self._bound = params.refusal_peers
        self._spoken: OrderedDict[tuple[str, str], int] = OrderedDict()
        #: The newest reason by peer's host, for ``explain``.
        self.reasons: OrderedDict[str, str] = OrderedDict()

    def speak(self, source: Address, reason: str, now_us: int) -> bool:
        """Whether ``source`` may be spoken to, or about, for ``reason`` now; remembers that it was."""
        key = (source.host, reason)
        last = self._spoken.get(key)
        if last is not None and now_us - last < self._interval_us:
            return False
        while self._spoken and next(iter(self._spoken.values())) + self._interval_us <= now_us:
            self._spoken.popitem(last=False)
        if last is None and len(self._spoken) >= self._bound:
            return False
        self._spoken[key] = now_us
        self._spoken.move_to_end(key)
        return True

    def remember(self, source: Address, text: str) -> None:
        """Keep what went wrong with ``source`` for ``explain``."""
        self.reasons[source.host] = text
        self.reasons.move_to_end(source.host)
        if len(self.reasons) > self._bound:
            self.reasons.popitem(last=False)
