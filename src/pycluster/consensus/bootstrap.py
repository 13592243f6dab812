"""Bootstrap: empty voters with the same list found a cluster; everyone else waits to be contacted.

Invariants: nobody stands before a majority of the listed voters, itself included, lately answered "empty, and my list
is yours", nor while anyone who answered is initialised; votes count from (name, UUID) pairs that answered so, only. A
founding that never got past its first two entries is given up when a majority of its own seats has not got it and,
being past its term or of another cluster for good, never takes it over: then it was not committed and never will be.
"""

from __future__ import annotations

import msgspec

from pycluster.consensus.electorate import majority
from pycluster.consensus.kinship import foreign, is_founded
from pycluster.consensus.log import NOBODY, Configuration, NoOp, Voter
from pycluster.consensus.messages import BootstrapAnswer, BootstrapQuery
from pycluster.consensus.state import State
from pycluster.kernel.units import MILLISECOND


class _Heard(msgspec.Struct, frozen=True):
    """What a listed voter last said of itself."""

    at_us: int
    uuid: str
    cluster_uuid: str
    digest: str
    ready_us: int
    term: int
    founding_term: int


class Bootstrap:
    """An empty voter's questions and what came back."""

    def __init__(self, state: State) -> None:
        self._s = state
        self._heard: dict[str, _Heard] = {}
        self._query_due_us = 0
        self._interval_us = state.params.bootstrap_interval_ms * MILLISECOND
        self._majority_since_us: int | None = None
        self._leader = NOBODY

    @property
    def founding_term(self) -> int:
        """The term of a founding that may never have been committed, a configuration, a no-op, nothing more; or 0."""
        s = self._s
        entries, base = s.journal.entries, s.journal.base
        if base.configuration is not None and is_founded(base.configuration.cluster_uuid):
            return 0
        committed = s.commit_index > base.index
        if not 0 < len(entries) <= 2 or committed or not isinstance(entries[0].payload, Configuration):
            return 0
        if any(not isinstance(entry.payload, NoOp) or entry.term != entries[0].term for entry in entries[1:]):
            return 0
        return entries[0].term

    @property
    def asking(self) -> bool:
        """Whether this node looks around: listed, without a leader, and without a seat, or with one that may be lost.

        The entry that gave the seat may never have been committed; then no leader knows of it, and it waits in vain.
        """
        s = self._s
        if s.draining or s.name not in s.listed or s.leader != NOBODY or s.role == "leader":
            return False
        if not s.seated or self.founding_term:
            return True
        return s.in_doubt and s.now_us >= max(s.silent_until_us, s.promise.until_us) + s.params.election_timeout_us

    def begin(self) -> None:
        """Forget what was heard, ask at once."""
        self._heard.clear()
        self._leader = NOBODY
        self._majority_since_us = None
        self._query_due_us = self._s.now_us
        self._interval_us = self._s.params.bootstrap_interval_ms * MILLISECOND

    def tick(self) -> None:
        """Ask when it is time; fast while the cluster forms, then slower, never in step with others."""
        s = self._s
        if self._heard:
            self._heard = {name: heard for name, heard in self._heard.items() if self._fresh(heard)}
        if not self.asking:
            return
        if s.now_us >= self._query_due_us:
            jitter_us = s.rng.randrange(self._interval_us // 5 + 1)
            self._query_due_us = s.now_us + self._interval_us - jitter_us
            self._interval_us = min(self._interval_us * 5 // 4, s.params.bootstrap_interval_max_ms * MILLISECOND)
            names = set(s.listed) | ({self._leader.name} if self._leader.name else set())
            for name in sorted(names - {s.name}):
                to = Voter(name, "")
                query = BootstrapQuery(*s.header(to), s.digest, s.listed, self._silent_us(), self.founding_term)
                s.heartbeat(to, query)
        if self._may_found():
            if self._majority_since_us is None:
                self._majority_since_us = s.now_us
        else:
            self._majority_since_us = None

    def on_query(self, sender: Voter, message: BootstrapQuery) -> None:
        """Answer anyone; an empty asker's question is also its own answer."""
        s, leader = self._s, self._s.leader
        answer = BootstrapAnswer(
            *s.header(sender),
            s.digest,
            s.listed,
            self._silent_us(),
            self.founding_term,
            leader.name,
            leader.uuid,
            *s.configuration_without(sender),
        )
        s.heartbeat(sender, answer)
        self._note(sender, message)

    def on_answer(self, sender: Voter, message: BootstrapAnswer) -> None:
        """Remember it, and whom the answering voter follows."""
        self._note(sender, message)
        if message.cluster_uuid and message.leader:
            self._leader = Voter(message.leader, message.leader_uuid)

    def due_us(self) -> int | None:
        """When this voter stands as founder; None while it may not."""
        s = self._s
        if s.founded or s.draining or s.role != "follower" or self._majority_since_us is None:
            return None
        since_us = self._majority_since_us
        grace_us = s.params.bootstrap_grace_ms * MILLISECOND
        base_us = max(since_us, s.silent_until_us, s.promise.until_us)
        lower = [name for name in s.listed if name < s.name]
        up = [heard for name in lower if (heard := self._heard.get(name)) and self._agrees(heard)]
        if len(up) < len(lower):
            base_us = max(base_us, since_us + grace_us)
        # One that came up while the founders were silent themselves is waited for; one that starts again and again not.
        latest_us = since_us + 2 * s.params.election_timeout_us
        base_us = max(base_us, min(max((heard.ready_us for heard in up), default=0), latest_us))
        # Nor does one that is early ask those who may not answer yet: its round would fail, and a higher ID be next.
        ready = sorted(heard.ready_us for heard in self._heard.values() if self._agrees(heard))
        others_needed = majority(len(s.listed)) - 1
        if 0 < others_needed <= len(ready):
            base_us = max(base_us, min(ready[others_needed - 1], latest_us))
        return max(s.stand_base_us, base_us) + len(up) * s.params.rank_step_ms * MILLISECOND

    def seats(self) -> tuple[Voter, ...]:
        """The list as seats: claimed by those that lately answered as empty voters with this very list."""
        s = self._s
        seats = []
        for name in s.listed:
            heard = self._heard.get(name)
            claimed = heard is not None and self._agrees(heard)
            uuid = s.uuid if name == s.name else heard.uuid if heard is not None and claimed else ""
            seats.append(Voter(name, uuid))
        return tuple(seats)

    @property
    def yields(self) -> bool:
        """Whether this voter's own founding came to nothing: a majority of its seats is without it for good."""
        s = self._s
        if not self.founding_term or not self.asking or s.now_us < max(s.promise.until_us, s.silent_until_us):
            return False
        return sum(1 for seat in s.voters if self._without_it(seat)) >= s.needed

    def _without_it(self, seat: Voter) -> bool:
        """Whether that very seat's holder has not got this founding and cannot acknowledge it any more."""
        heard = self._heard.get(seat.name)
        if heard is None or heard.cluster_uuid == self._s.cluster_uuid or seat.uuid not in ("", heard.uuid):
            return False
        return heard.term > self.founding_term or bool(heard.cluster_uuid and not heard.founding_term)

    def next_deadline(self) -> int | None:
        """The next question."""
        return self._query_due_us if self.asking else None

    def reason(self) -> str:
        """Why an empty voter waits, in a sentence."""
        s = self._s
        initialised = self._ahead()
        if s.expelled and s.electorate.seated:
            return f"the seat of {s.name} among the voters was given up while it was away"
        if s.founded:
            names = ", ".join(seat.name for seat in s.voters)
            return f"this node has no seat among the voters {names}"
        if s.name not in s.listed:
            return "this node is not in the list of voters"
        if initialised and not any(is_founded(self._heard[name].cluster_uuid) for name in initialised):
            return (
                f"{initialised[0]} was restored from a snapshot: restore this node from the same one, or wait for those"
            )
        if initialised:
            follows = f", which follows {self._leader.name}" if self._leader.name else ""
            return f"waiting to be contacted by the cluster's leader: {initialised[0]} has its log{follows}"
        agreeing = {name for name, heard in self._heard.items() if self._agrees(heard)} | {s.name}
        silent = ", ".join(name for name in s.listed if name != s.name and name not in self._heard)
        differ = ", ".join(name for name, heard in sorted(self._heard.items()) if heard.digest != s.digest)
        text = f"forming: {len(agreeing)} of {len(s.listed)} listed voters answered, {majority(len(s.listed))} needed"
        text += f"; silent: {silent}" if silent else ""
        return text + (f"; with a different list: {differ}" if differ else "")

    def _initialised(self, cluster_uuid: str) -> str:
        """The cluster that a voter has which says so; of one that was restored as this one was: none yet."""
        own = self._s.cluster_uuid
        alike = own and not foreign(own, cluster_uuid) and not is_founded(cluster_uuid)
        return "" if alike else cluster_uuid

    def _silent_us(self) -> int:
        return max(self._s.silent_until_us - self._s.now_us, 0)

    def _fresh(self, heard: _Heard) -> bool:
        return self._s.now_us - heard.at_us < self._s.params.answer_ttl_ms * MILLISECOND

    def _agrees(self, heard: _Heard) -> bool:
        return not heard.cluster_uuid and heard.digest == self._s.digest

    def _ahead(self) -> list[str]:
        """Who has a log already and is waited for; whoever was restored does not wait for those of another cluster."""
        own = self._s.cluster_uuid
        heard = self._heard.items()
        return sorted(name for name, one in heard if one.cluster_uuid and not foreign(own, one.cluster_uuid))

    def _may_found(self) -> bool:
        s = self._s
        if s.founded or s.name not in s.listed or self._ahead():
            return False
        return sum(1 for seat in self.seats() if seat.uuid) >= majority(len(s.listed))

    def _note(self, sender: Voter, message: BootstrapQuery | BootstrapAnswer) -> None:
        s = self._s
        listed = sender.name in s.listed
        if sender.name == s.name or (not listed and not message.cluster_uuid and message.digest == s.digest):
            return
        if not listed and sender.name not in self._heard and len(self._heard) >= s.params.peers_max:
            return
        ready_us = s.now_us + min(max(message.silent_us, 0), s.params.election_timeout_us)
        self._heard[sender.name] = _Heard(
            s.now_us,
            sender.uuid,
            self._initialised(message.cluster_uuid),
            message.digest,
            ready_us,
            message.term,
            message.founding_term,
        )
        if message.digest != s.digest and not message.cluster_uuid and not s.founded:
            s.counters["voter_list_differs"] += 1
            s.notify_once(
                "voter-list-differs",
                sender.name,
                f"{sender.name} has another list of voters and does not count towards forming the cluster: it lists"
                f" {', '.join(message.listed)}; this node lists {', '.join(s.listed)}; make [nodes] the same on both",
                node=sender.name,
                theirs=", ".join(message.listed),
                ours=", ".join(s.listed),
            )
