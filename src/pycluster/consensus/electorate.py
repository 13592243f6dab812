"""Who votes, by one configuration, as one node reads it: worked out once, asked for in every ``handle``."""

from __future__ import annotations

from pycluster.consensus.log import Configuration, Voter


def majority(seats: int) -> int:
    """How many of ``seats`` are more than half."""
    return seats // 2 + 1


class Electorate:
    """Never changed; another configuration is another electorate. Before there is one, only the list's size counts."""

    __slots__ = (
        "changing",
        "cluster_uuid",
        "configuration",
        "learners",
        "needed",
        "others",
        "seated",
        "seats",
        "voters",
    )

    def __init__(self, configuration: Configuration | None, me: Voter, listed: int) -> None:
        self.configuration = configuration
        #: Empty until this voter has a log.
        self.cluster_uuid = configuration.cluster_uuid if configuration else ""
        self.voters = configuration.voters if configuration else ()
        self.learners = configuration.learners if configuration else ()
        #: Those who vote and those who learn to.
        self.seats = self.voters + self.learners
        #: Whether a voter is on its way in, or the one in whose place it comes not yet out.
        self.changing = (
            bool(self.learners)
            or len({seat.name for seat in self.voters}) < len(self.voters)
            or (configuration is not None and configuration.moving is not None)
        )
        #: Whether this node votes by its own log.
        self.seated = me in self.voters
        #: The other voters that can be talked to.
        self.others = tuple(seat for seat in self.voters if seat.uuid and seat != me)
        #: Votes, acknowledgements, copies: how many are a quorum.
        self.needed = majority(len(self.voters) or listed)
