"""What a checker sees, and what it raises."""

from __future__ import annotations

from pycluster.node.effects import Effect, Persist, Post, Publish, RecordActing, SendDatagram
from pycluster.node.events import Event
from pycluster.simulator.host import Host


class Violation(Exception):
    """A promise was broken: ``rule`` names it, ``text`` says by whom, when and how."""

    def __init__(self, rule: str, text: str) -> None:
        self.rule = rule
        self.text = text
        super().__init__(f"{rule}: {text}")


class Checker:
    """Watches a world. Every hook may raise ``Violation``; times are true µs. Hooks not overridden cost nothing."""

    def started(self, host: Host, now_us: int) -> None:
        """A process begins to live on ``host``."""

    def stopped(self, host: Host, now_us: int) -> None:
        """The process on ``host`` ended; ``host.process`` still is that process."""

    def jumped(self, host: Host, now_us: int) -> None:
        """The host's clock leapt ahead just now."""

    def handled(self, host: Host, event: Event, effects: list[Effect], now_us: int) -> None:
        """The process was given ``event`` and answered with ``effects``, none of which has been performed yet."""

    def acted(self, host: Host, effect: RecordActing, now_us: int) -> None:
        """The process says that it acts as leader, or ceased to."""

    def published(self, host: Host, effect: Publish, now_us: int) -> None:
        """The process told its subscribers something."""

    def posted(self, host: Host, effect: Post, now_us: int) -> None:
        """The process sends a frame to a voter."""

    def sent(self, host: Host, effect: SendDatagram, now_us: int) -> None:
        """The process sends a datagram."""

    def persisting(self, host: Host, effect: Persist, now_us: int) -> None:
        """The process asks for a transaction; the disk has not queued it yet."""

    def persisted(self, host: Host, request: Persist, now_us: int) -> None:
        """A transaction became durable; the disk has applied it."""

    def sampled(self, now_us: int) -> None:
        """A moment between events, once a virtual second."""

    def finished(self, now_us: int) -> None:
        """The run is over."""
