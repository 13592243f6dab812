"""What the parts of a voter hand each other: changes of the voters, and what is under way to hand leadership over."""

from __future__ import annotations

from typing import Literal

import msgspec

from pycluster.consensus.log import Configuration, Voter


class Refusal(msgspec.Struct, frozen=True):
    """Why the voters stay as they are."""

    what: str
    why: str
    remedy: str


class Change(msgspec.Struct, frozen=True):
    """The next configuration and what to tell the operator about it."""

    configuration: Configuration
    kind: str
    text: str
    peer: str


class Attempt(msgspec.Struct, frozen=True):
    """A transfer that waits for its target to catch up."""

    target: Voter
    cause: Literal["hand", "hand-over", "return", "slow-disk"]
    ends_us: int


class Asked(msgspec.Struct, frozen=True):
    """A reach question under way: whose, and until when."""

    nonce: int
    peer: Voter
    ends_us: int
