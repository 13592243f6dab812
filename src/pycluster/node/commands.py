"""What an operator asks of this node, each answered once: join, leave, stop, force out, tags, a file read anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from pycluster import consensus, membership
from pycluster.kernel.ids import Seed
from pycluster.membership import Swim
from pycluster.node import effects, events
from pycluster.node.addresses import AddressBook
from pycluster.node.departure import Departure
from pycluster.node.outbox import Outbox
from pycluster.node.readings import Readings
from pycluster.node.steering import Steering

Command = (
    events.Join
    | events.Leave
    | events.Drain
    | events.ForceLeave
    | events.TransferLeadership
    | events.AddSeat
    | events.RemoveSeat
    | events.ReplaceSeat
    | events.SetTags
    | events.Reload
    | events.BackupEnded
    | events.FilePlaced
    | events.RolloutTold
)


class Commands:
    """Hands each to the core that decides it; ``refused`` and ``seat_gone`` are told what the cores answer."""

    def __init__(
        self,
        swim: Swim,
        steering: Steering,
        addresses: AddressBook,
        readings: Readings,
        outbox: Outbox,
        drive_swim: Callable[[membership.Event], None],
        drive_raft: Callable[[consensus.Event], None],
    ) -> None:
        self._swim = swim
        self._steering = steering
        self._addresses = addresses
        self._readings = readings
        self._outbox = outbox
        self._drive_swim = drive_swim
        self._drive_raft = drive_raft
        self._refused: membership.CommandFailed | None = None
        self._departure = Departure()

    @property
    def departing(self) -> bool:
        """Whether this node is on its way out."""
        return self._departure.under_way

    def perform(self, command: Command, now_us: int) -> None:
        """Begin, and where that is all, answer."""
        match command:
            case events.Join(number, seeds):
                self._ask_membership(number, membership.Join(seeds))
            case events.ForceLeave(number, name):
                self._ask_membership(number, membership.ForceLeave(name))
            case events.TransferLeadership():
                self._steering.transfer(command, now_us)
            case events.AddSeat() | events.ReplaceSeat():
                self._steering.add(command, now_us)
            case events.RemoveSeat():
                self._steering.remove(command, now_us)
            case events.SetTags(number, tags):
                self._ask_membership(number, membership.SetTags(tags))
            case events.Reload(number, seeds, tags):
                self._reload(number, tuple(Seed(name, host, port) for name, host, port in seeds), tags)
            case events.BackupEnded(file, revision, problem):
                self._outbox.backup_ended(file, revision, problem)
            case events.FilePlaced():
                self._outbox.file_placed(command)
            case events.RolloutTold():
                self._outbox.rollout_told(command)
            case events.Leave(number):
                refused = self._departure.leave(number)
                if refused is not None:
                    self._outbox.append(refused)
                else:
                    self._drive_raft(consensus.Resign())
            case events.Drain():
                self._departure.stop()
                self._drive_raft(consensus.HandOver())
            case _:
                assert_never(command)

    # What the cores answer.

    def refused(self, why: membership.CommandFailed) -> None:
        """Membership would not do what it was just asked."""
        self._refused = why

    def seat_kept(self, why: consensus.CommandFailed) -> None:
        """Consensus would not give the seat up."""
        self._outbox.append(self._departure.refused(why))

    def seat_gone(self) -> None:
        """The seat is given up, or never was: say goodbye."""
        self._departure.seat_gone()
        self._drive_swim(membership.Leave())

    def handed_over(self) -> None:
        """Leadership is elsewhere; a node that is to stop says goodbye now."""
        if self._departure.under_way:
            self._drive_swim(membership.Leave())

    def departed(self) -> None:
        """The goodbye is told."""
        self._outbox.effects.extend(self._departure.finished())

    # Parts.

    def _ask_membership(self, number: int, event: membership.Event) -> bool:
        """Whether it was done."""
        self._refused = None
        self._drive_swim(event)
        refused, self._refused = self._refused, None
        if refused is None:
            self._outbox.append(effects.CommandDone(number, ok=True))
        else:
            self._outbox.append(
                effects.CommandDone(number, ok=False, what=refused.what, why=refused.why, remedy=refused.remedy)
            )
        return refused is None

    def _reload(self, number: int, listed: tuple[Seed, ...], tags: dict[str, str]) -> None:
        if not self._ask_membership(number, membership.SetTags(tags)):
            return
        self._addresses.reseed(listed)
        self._swim.set_seeds(tuple(seed for seed in self._addresses.contacts if seed.name != self._swim.local.name))
        self._readings.reseed(listed)
