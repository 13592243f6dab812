"""What the driver needs of whoever performs the node's effects, and how it ends."""

from __future__ import annotations

from typing import Protocol

import msgspec

from pycluster.kernel.ids import Address
from pycluster.node import effects
from pycluster.node.view import RaftStatusView


class Network(Protocol):
    """What carries the node's words."""

    def send(self, to: Address, data: bytes) -> None: ...

    def call(self, call: effects.Call) -> None: ...

    def post(self, post: effects.Post) -> None: ...

    def answer(self, token: int, data: bytes) -> None: ...

    def hang_up(self, token: int) -> None: ...

    def keep_streams(self, wanted: effects.KeepStreams) -> None: ...

    def close_stream(self, stream: int) -> None: ...

    def resolve(self, question: effects.Resolve) -> None: ...


class Disk(Protocol):
    """What keeps them; ``persist`` never blocks."""

    def persist(self, request: effects.Persist) -> None: ...

    def keep_piece(self, piece: effects.KeepPiece) -> None: ...

    def record_acting(self, record: effects.RecordActing) -> None: ...

    def keep_seats(self, effect: effects.KeepSeats) -> None: ...

    def measured(self, raft: RaftStatusView) -> RaftStatusView: ...


class States(Protocol):
    """Who waits for the replicated state's answers."""

    def answered(self, effect: effects.StateAnswered) -> None: ...

    def told(self, effect: effects.WatchTold) -> None: ...


class Ending(msgspec.Struct, frozen=True):
    """How the node ended: ``halted`` holds the reason where it could not go on."""

    halted: str = ""
