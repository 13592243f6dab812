"""The gate: every byte from the network is opened here. Strangers are told why once a minute, nonsense is counted."""

from __future__ import annotations

from pycluster.kernel.ids import Address
from pycluster.node.config import Params
from pycluster.node.effects import Effect
from pycluster.node.ledger import Ledger
from pycluster.node.strangers import Strangers
from pycluster.wire import PROTOCOL_MAX, PROTOCOL_MIN, Body, Codec, Malformed, Refusal, Rejected


class Gate:
    """Opens frames of one cluster. ``open`` never raises, whatever comes in."""

    def __init__(self, codec: Codec, params: Params, ledger: Ledger) -> None:
        self.codec = codec
        self.strangers = Strangers(params)
        self._ledger = ledger

    def open(
        self, source: Address, data: bytes, now_us: int, out: list[Effect], *, datagram: bool
    ) -> tuple[Body | None, bytes | None]:
        """``(body, None)`` of a frame of ours; ``(None, answer)`` otherwise, where the answer may be None too."""
        try:
            body = self.codec.decode(data, datagram=datagram)
        except Malformed:
            self.malformed(datagram=datagram)
            return None, None
        except Rejected as error:
            return None, self._stranger(source, error, now_us, out)
        if isinstance(body, Refusal):
            self._refused_by(source, body, now_us, out)
            return None, None
        return body, None

    def malformed(self, *, datagram: bool) -> None:
        """Count one frame that makes no sense where it came."""
        self._ledger.count("datagrams_malformed" if datagram else "frames_malformed")

    def _stranger(self, source: Address, error: Rejected, now_us: int, out: list[Effect]) -> bytes | None:
        self._ledger.count(f"strangers_{error.reason.replace('-', '_')}")
        self.strangers.remember(source, f"{error.reason}: {error.detail}")
        if not self.strangers.speak(source, error.reason, now_us):
            return None
        text = f"Refused {source}: {error.detail}"
        out.append(self._ledger.event(error.reason, text, now_us, fields={"peer": str(source)}))
        return self.codec.encode(Refusal(error.reason, PROTOCOL_MIN, PROTOCOL_MAX, error.detail))

    def _refused_by(self, source: Address, refusal: Refusal, now_us: int, out: list[Effect]) -> None:
        self._ledger.count("refusals_received")
        text = f"{refusal.reason}: {refusal.detail}"[:300]
        self.strangers.remember(source, f"refused us, {text}")
        if self.strangers.speak(source, "refused-by-peer", now_us):
            line = f"Refused by {source}: {text}"
            out.append(self._ledger.event("refused-by-peer", line, now_us, fields={"peer": str(source)}))
