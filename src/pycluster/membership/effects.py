"""What a member wants done: the outputs of :class:`~pycluster.membership.swim.Swim`, performed in order."""

from __future__ import annotations

from typing import Literal

import msgspec

from pycluster.kernel.ids import Address
from pycluster.membership.members import Member
from pycluster.membership.messages import CallMessage, Packet

Cause = Literal["discovered", "alive", "suspect", "down", "left", "updated", "forgotten"]


class SendPacket(msgspec.Struct, frozen=True, tag=True):
    """Send one datagram; losing it is no error."""

    to: Address
    packet: Packet


class Call(msgspec.Struct, frozen=True, tag=True):
    """Ask a peer over TCP; ``CallReplied`` or ``CallFailed`` with the same number follows within ``timeout_us``."""

    call: int
    to: Address
    request: CallMessage
    timeout_us: int


class Answer(msgspec.Struct, frozen=True, tag=True):
    """The one answer to ``CallReceived(token)``."""

    token: int
    reply: CallMessage


class Watched(msgspec.Struct, frozen=True):
    """A member to keep an idle stream to."""

    name: str
    uuid: str
    address: Address


class Watch(msgspec.Struct, frozen=True, tag=True):
    """Keep one idle stream to each of these and to no other; sent when the choice changed."""

    peers: tuple[Watched, ...]


class Resolve(msgspec.Struct, frozen=True, tag=True):
    """Look a seed's host up afresh; ``Resolved`` follows."""

    host: str
    port: int


class SaveIncarnation(msgspec.Struct, frozen=True, tag=True):
    """Remember our incarnation across restarts. No barrier: a restart counts on from what was saved."""

    incarnation: int


class MemberChanged(msgspec.Struct, frozen=True, tag=True):
    """A member's record changed; told once. ``cause`` names the change, ``member`` is the record after it."""

    cause: Cause
    member: Member
    detail: str = ""


class Notify(msgspec.Struct, frozen=True, tag=True):
    """Something an operator should read: ``kind`` is a noun from the event reference, ``fields`` its facts."""

    kind: str
    text: str
    fields: dict[str, str | int] = {}


class CommandFailed(msgspec.Struct, frozen=True, tag=True):
    """The command in this very ``handle`` was refused: why, and what to do."""

    what: str
    why: str = ""
    remedy: str = ""


class Departed(msgspec.Struct, frozen=True, tag=True):
    """Our goodbye has been told as well as it can be; the process may end."""


Effect = (
    SendPacket | Call | Answer | Watch | Resolve | SaveIncarnation | MemberChanged | Notify | CommandFailed | Departed
)
