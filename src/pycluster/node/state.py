"""The replicated state as one node offers it: its own copy where it holds one, and whoever leads where it does not."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import assert_never

from pycluster import consensus
from pycluster.consensus import Raft, RaftView
from pycluster.kernel.units import earlier
from pycluster.node import events
from pycluster.node.addresses import AddressBook
from pycluster.node.asking import Asking
from pycluster.node.config import NodeConfig
from pycluster.node.copying import StateCopy
from pycluster.node.outbox import Outbox
from pycluster.node.pending import Answer, Asker
from pycluster.node.polling import Polling
from pycluster.node.ports import StateHead
from pycluster.node.readings import Readings
from pycluster.node.replica import Replica
from pycluster.node.view import CopyView, RaftStatusView
from pycluster.store import Failure, Store
from pycluster.wire import StateReply, StateRequest

WatchEvent = events.WatchOpened | events.WatchAsked | events.WatchClosed
StateEvent = events.StateSaved | events.PieceKept | events.StateAsked | WatchEvent


class State:
    """Requests, watches and the copy, which is empty on a node without a seat."""

    def __init__(
        self,
        config: NodeConfig,
        uuid: str,
        raft: Raft,
        found: Store | None,
        addresses: AddressBook,
        outbox: Outbox,
        readings: Readings,
        drive: Callable[[consensus.Event], None],
        rng: Random,
    ) -> None:
        self._config = config
        self._uuid = uuid
        self._raft = raft
        self._addresses = addresses
        self._outbox = outbox
        self._readings = readings
        self._now = 0
        state = Store(config.store) if found is None else found
        self.replica = Replica(config.state, state, config.store, raft, outbox, drive, self._answer)
        self._asking = Asking(config.name, config.state, config.store, self._copy, addresses, outbox, self.leader, rng)
        self._polling = Polling(config.state, self._asking, outbox)

    def at(self, now_us: int) -> None:
        """It is ``now_us``."""
        self._now = now_us
        self._asking.at(now_us)
        self.replica.at(now_us)

    def handle(self, event: StateEvent) -> None:
        """What the runtime has to say."""
        replica = self.replica
        match event:
            case events.StateAsked(token, request, request_id, timeout_us):
                self._asking.ask(token, request, request_id, timeout_us)
            case events.WatchOpened(token, watch):
                if (copy := self._copy()) is not None:
                    copy.watchers.watch(token, watch)
                else:
                    self._polling.watch(token, watch)
            case events.WatchAsked(token):
                self._polling.say(token)
                replica.watchers.say(token)
            case events.WatchClosed(token):
                self._polling.unwatch(token)
                replica.watchers.unwatch(token)
            case events.PieceKept():
                replica.supply.kept(event)
            case events.StateSaved(index):
                replica.saved(index)
            case _:
                assert_never(event)

    def hear(self, body: StateRequest | StateReply) -> None:
        """What a peer has to say: a request that it passes on, or an answer to one of ours."""
        if isinstance(body, StateReply):
            self._asking.answered(body.number, body.result)
            return
        address = self._addresses.of(body.sender)
        if address is not None and not self._raft.dormant:
            self.replica.take(body.request, body.request_id, (address, body.number))

    def settle(self) -> None:
        """After every event: whatever is due, and a leader that is new."""
        replica = self.replica
        keeps = not self._raft.dormant
        if keeps:
            if replica.watchers.any and self._copy() is None:
                replica.watchers.leave(replica.failure("no-leader", "this node holds the state no longer"))
            replica.tick()
        if self._asking.waits:
            self._asking.led()
            self._asking.tick()
        if keeps:
            replica.flush()

    def next_deadline(self) -> int | None:
        """When ``settle`` is wanted at the latest."""
        return earlier(self._asking.next_deadline(), None if self._raft.dormant else self.replica.next_deadline())

    def head(self, now_us: int) -> StateHead:
        """For people and programs; asked for with every answer over HTTP."""
        copy, raft = self._copy(), self._raft
        if copy is None:
            leader = self._readings.leader(now_us)
            cluster = number_of(self._readings.quorum(now_us).cluster_uuid)
            me, whom = number_of(self._uuid), number_of(leader.uuid)
            return StateHead(cluster, me, whom, leader.term, 0, 0, 0, 0, replica=False)
        state = copy.store
        return StateHead(
            cluster_id=number_of(raft.cluster_uuid),
            member_id=number_of(self._uuid),
            leader_id=number_of(raft.leader_uuid),
            term=raft.term,
            revision=state.revision,
            compact_revision=state.compact_revision,
            index=copy.applied,
            size_bytes=state.size_bytes,
            replica=True,
        )

    def raft(self, now_us: int) -> RaftStatusView:
        """The voters, and this node's copy against its bounds; of the disk the runtime knows."""
        readings, copy = self._readings, self._copy()
        view = readings.raft_view(now_us)
        role = "observer" if view is None or readings.observes else view.role
        shown = None if copy is None or view is None else copy_view(copy, view, readings.config)
        return RaftStatusView(readings.config.name, role, readings.leader(now_us), readings.quorum(now_us), shown)

    def digest(self) -> tuple[int, int] | None:
        """The last entry in this node's copy, and 64 bits that stand for all of it; None without one."""
        return None if self._raft.dormant else (self.replica.applied, self.replica.store.digest())

    def open_copy(self) -> StateCopy | None:
        """This node's copy as it is now, to be read while it changes; None where there is none."""
        copy, raft = self._copy(), self._raft
        if copy is None or raft is None:
            return None
        snapshot = raft.snapshot_at(copy.applied)
        return StateCopy(self._config, copy.store, snapshot) if snapshot.configuration is not None else None

    def _copy(self) -> Replica | None:
        """This node's copy, where it is kept up to date: a node without a seat may have one that nobody feeds."""
        return None if self._readings.observes else self.replica

    def leader(self) -> str:
        """Who takes requests, as far as this node may believe; acting is not asked for."""
        raft = self._raft
        if not self._readings.observes:
            return raft.leader
        return self._readings.leads(self._now)[0]

    def _answer(self, asker: Asker, answer: Answer) -> None:
        if isinstance(asker, int):
            self._asking.answered(asker, answer)
        else:
            address, number = asker
            if not self._outbox.post(address, "client", StateReply(number, answer)):
                why = "the answer does not go into one frame; ask an agent that has a copy of the state"
                self._outbox.post(address, "client", StateReply(number, Failure("request-too-large", why)))


@lru_cache(maxsize=64)
def number_of(uuid: str) -> int:
    """64 bits of a UUID, as programs for etcd expect an ID; 0 for none."""
    return int(uuid[:16], 16) if uuid else 0


def copy_view(copy: Replica, view: RaftView, config: NodeConfig) -> CopyView:
    """A copy against its bounds."""
    state = copy.store
    return CopyView(
        applied_index=copy.applied,
        revision=state.revision,
        compact_revision=state.compact_revision,
        size_bytes=state.size_bytes,
        size_max_bytes=config.store.state_max_bytes,
        keys=state.keyspace.count(b"", None),
        leases=len(state.leases),
        leases_max=config.store.leases_max,
        watchers=len(copy.watchers),
        watchers_max=config.state.watches_max,
        requests=copy.under_way,
        requests_max=config.state.requests_max,
        snapshot=copy.supply.view({peer.uuid: peer.name for peer in view.voters}),
    )
