"""What the parts of one voter share: its identity, term, role, promise, log, and what it is about to say."""

from __future__ import annotations

import hashlib
from collections import Counter
from random import Random

from pycluster.consensus.effects import Effect, LeaderChanged, Notify, Send
from pycluster.consensus.electorate import Electorate
from pycluster.consensus.journal import Journal
from pycluster.consensus.kinship import is_founded
from pycluster.consensus.log import NOBODY, Configuration, Stored, Vote, Voter
from pycluster.consensus.messages import Message
from pycluster.consensus.params import Params
from pycluster.consensus.promise import Promise
from pycluster.consensus.view import Role
from pycluster.kernel.units import MILLISECOND


def digest_of(listed: tuple[str, ...]) -> str:
    """Stands for a voter list, whatever its order."""
    return hashlib.blake2b("\n".join(sorted(listed)).encode(), digest_size=8).hexdigest()


class State:
    """Data, and the few ways in which every part may change it. Transitions between roles stand in ``raft``."""

    def __init__(
        self, params: Params, name: str, uuid: str, listed: tuple[str, ...], cluster: str, stored: Stored, rng: Random
    ) -> None:
        self.params = params
        #: Two of them, asked for with every event.
        self.timeout_us, self.lease_us = params.election_timeout_us, params.lease_us
        self.name = name
        self.uuid = uuid
        self.me = Voter(name, uuid)
        self.cluster = cluster
        self.rng = rng
        self.journal = Journal(stored, params.held_max)
        self.listed = tuple(sorted(set(listed)))
        self.digest = digest_of(self.listed)
        self._restored(stored.snapshot.configuration)
        self.journal.follow(self._elect)
        self._elect()
        self.now_us = 0
        self.effects: list[Effect] = []
        self.counters: Counter[str] = Counter()
        self.role: Role = "follower"
        self.leader = NOBODY
        self.leader_term = 0
        self.leader_since_us = 0
        self.reason = "this node has just started"
        self.commit_index = stored.snapshot.index
        self.promise = Promise(params.election_timeout_us)
        #: Nothing is granted before: an earlier life may have promised (restarted voter), perhaps for longer.
        self.silent_until_us = 0
        self.silence_us = max(params.election_timeout_ms, stored.promised_ms) * MILLISECOND
        #: The wait for one's rank counts from here.
        self.stand_base_us = 0
        #: On the way out: never stands again in this life.
        self.draining = False
        #: A voter says that this node's seat is gone; it was away when that was committed.
        self.expelled = False
        self.health: dict[str, tuple[str, bool]] = {}
        #: By name, UUIDs that live under a seat's name and have not got the seat: a disk was lost.
        self.strangers: dict[str, str] = {}
        self.contacts: dict[str, int] = {}
        self._spoken: dict[tuple[str, str], int] = {}

    def _restored(self, base: Configuration | None) -> None:
        """A restored state counts for the voters that it was restored for, and for nobody restored otherwise."""
        if base is not None and not is_founded(base.cluster_uuid):
            self.listed = tuple(sorted({seat.name for seat in base.voters}))
            self.digest = digest_of((*self.listed, base.cluster_uuid))

    # Who votes.

    @property
    def founded(self) -> bool:
        """Whether this voter belongs to a cluster, rather than being empty or only restored."""
        configuration = self.journal.configuration
        return configuration is not None and is_founded(configuration.cluster_uuid)

    @property
    def term(self) -> int:
        return self.journal.vote.term

    def _elect(self) -> None:
        """Who votes, by the newest configuration in the log; worked out anew only when that is another one."""
        self.electorate = Electorate(self.journal.configuration, self.me, len(self.listed))

    @property
    def configuration(self) -> Configuration | None:
        return self.journal.configuration

    @property
    def cluster_uuid(self) -> str:
        """Empty until this voter has a log."""
        return self.electorate.cluster_uuid

    @property
    def voters(self) -> tuple[Voter, ...]:
        return self.electorate.voters

    @property
    def seated(self) -> bool:
        """Whether this node votes by its own log, as far as it knows."""
        return self.electorate.seated and not self.expelled

    @property
    def in_doubt(self) -> bool:
        """Whether the newest configuration is not known to be committed."""
        return self.journal.configuration_index > self.commit_index

    @property
    def may_stand(self) -> bool:
        """Whether this node has a seat, or had one that nobody can take while it does not stand (Raft §4.2.2)."""
        if self.seated or self.expelled or not self.in_doubt:
            return self.seated
        previous = self.journal.previous_configuration
        return previous is not None and self.me in previous.voters

    @property
    def others(self) -> tuple[Voter, ...]:
        """The other voters that can be talked to."""
        return self.electorate.others

    @property
    def needed(self) -> int:
        """Votes, acknowledgements, copies: how many are a quorum."""
        return self.electorate.needed

    def configuration_without(self, seat: Voter) -> tuple[int, int]:
        """Term and index of the newest configuration, where it is committed and has no seat for ``seat``; or zeros."""
        index, electorate = self.journal.configuration_index, self.electorate
        if not 0 < index <= self.commit_index or seat in electorate.voters or seat in electorate.learners:
            return 0, 0
        return self.journal.term_at(index) or 0, index

    def superseded(self, term: int, index: int) -> bool:
        """Whether a configuration without a seat for this voter, committed at ``index`` (0: none) in ``term`` (0: it is
        folded away), is newer than the newest in this voter's own log.
        """
        own = self.journal.configuration_index
        theirs, ours = (term, index), (self.journal.term_at(own) or 0, own)
        if own <= self.commit_index or not term:
            # Of two that are committed the later is the newer; and of one that is folded away no term is known.
            theirs, ours = (0, index), (0, own)
        if not own or not index or theirs < ours or not self.founded:
            return False
        return theirs > ours or not self.electorate.seated

    def dead(self, seat: Voter) -> bool:
        """Whether membership says that this very node is gone: a hint."""
        uuid, alive = self.health.get(seat.name, ("", True))
        return not alive and uuid in ("", seat.uuid)

    def note_health(self, name: str, uuid: str, alive: bool) -> None:
        """What membership says of a name in the list or with a seat; nobody else's is remembered."""
        seats = [seat for seat in self.electorate.seats if seat.name == name]
        if name not in self.listed and not seats:
            return
        self.health[name] = (uuid, alive)
        if alive and uuid and seats and all(seat.uuid != uuid for seat in seats):
            self.strangers[name] = uuid
        else:
            self.strangers.pop(name, None)

    def heard(self, uuid: str, within_us: int) -> bool:
        """Whether a message of ``uuid`` came lately."""
        last = self.contacts.get(uuid)
        return last is not None and self.now_us - last < within_us

    def note_contact(self, uuid: str) -> None:
        """A message of ``uuid`` came now; the one silent for longest makes room where there is none."""
        if uuid not in self.contacts and len(self.contacts) >= self.params.peers_max:
            del self.contacts[min(self.contacts, key=lambda known: self.contacts[known])]
        self.contacts[uuid] = self.now_us

    def reached(self, within_us: int) -> int:
        """How many voters were heard from lately, this one included."""
        return sum(1 for seat in self.voters if seat == self.me or (seat.uuid and self.heard(seat.uuid, within_us)))

    # What is said.

    def header(self, to: Voter) -> tuple[str, str, str, int]:
        """The first four fields of a message to ``to``."""
        return self.cluster_uuid, self.uuid, to.uuid, self.term

    def heartbeat(self, to: Voter, message: Message) -> None:
        """Say it on the small, quick connection."""
        self._send(Send(to.name, "heartbeat", message), 0)

    def datagram(self, to: Voter, message: Message) -> None:
        """Say it by datagram: it waits for nothing that was lost before it."""
        self._send(Send(to.name, "datagram", message), 0)

    def bulk(self, to: Voter, message: Message, token: int = 0) -> None:
        """Say it on the connection that carries entries, not before ``token`` is durable."""
        self._send(Send(to.name, "bulk", message), token)

    def _send(self, send: Send, token: int) -> None:
        """Every message carries the term, so none leaves before term and vote are durable (Raft §5.1, figure 3.1)."""
        token = max(token, self.journal.vote_token)
        if token > self.journal.durable:
            self.journal.hold(send, token)
        else:
            self.effects.append(send)

    def notify(self, kind: str, text: str, **fields: str | int) -> None:
        self.effects.append(Notify(kind, text, fields))

    def notify_once(self, kind: str, about: str, text: str, **fields: str | int) -> None:
        """The same, once per peer and minute."""
        interval_us = self.params.notify_interval_ms * MILLISECOND
        last = self._spoken.get((kind, about))
        if last is not None and self.now_us - last < interval_us:
            return
        if last is None and len(self._spoken) >= self.params.peers_max:
            self._spoken = {key: at for key, at in self._spoken.items() if self.now_us - at < interval_us}
            if len(self._spoken) >= self.params.peers_max:
                return
        self._spoken[kind, about] = self.now_us
        self.notify(kind, text, **fields)

    # What changes together.

    def set_vote(self, term: int, voted_for: str) -> None:
        self.journal.set_vote(Vote(term, voted_for))
        # A promise in that term comes next; one write is enough for both.
        self.note_promised()

    def note_promised(self) -> None:
        """How long a promise of this life lasts is on the disk before any is said, for a restart forgets it."""
        if self.params.election_timeout_ms > self.journal.promised_ms:
            self.journal.set_promised(self.params.election_timeout_ms)

    def shorten_promised(self) -> None:
        """Whatever an earlier life promised for longer is over with the silence; the next start is quicker again."""
        if self.params.election_timeout_ms < self.journal.promised_ms and self.now_us >= self.silent_until_us:
            self.journal.set_promised(self.params.election_timeout_ms)

    def follow(self, leader: Voter, reason: str) -> None:
        """Follow ``leader`` (or nobody) from now on, and tell it when that is new."""
        if leader != self.leader or (leader != NOBODY and self.term != self.leader_term):
            self.leader = leader
            self.leader_term = self.term
            self.leader_since_us = self.now_us
            self.effects.append(LeaderChanged(self.term, leader.name, leader.uuid, reason))
        self.reason = reason

    def silent_names(self, within_us: int) -> str:
        """The voters not heard from, by name, for a sentence."""
        return ", ".join(
            seat.name
            for seat in self.voters
            if seat != self.me and not (seat.uuid and self.heard(seat.uuid, within_us))
        )

    def reach_text(self, within_us: int) -> str:
        """ "reaches 2 of 5 voters, 3 needed; silent: node003" """
        silent = self.silent_names(within_us)
        text = f"reaches {self.reached(within_us)} of {len(self.voters)} voters, {self.needed} needed"
        return f"{text}; silent: {silent}" if silent else text
