"""One voter played by hand: the test is the network, the disk and the clock."""

from __future__ import annotations

from random import Random
from typing import TypeVar

from pycluster.consensus import (
    Command,
    Configuration,
    Effect,
    Entry,
    Event,
    Message,
    MessageReceived,
    NoOp,
    Params,
    Persist,
    Persisted,
    Raft,
    Refused,
    Send,
    Start,
    Stored,
    Timer,
    Vote,
    Voter,
)
from pycluster.consensus.messages import (
    AppendReply,
    Header,
    Heartbeat,
    HeartbeatReply,
    PreVoteReply,
    PreVoteRequest,
    VoteReply,
    VoteRequest,
)

CLUSTER = "c1" * 16
MS = 1_000

EffectT = TypeVar("EffectT", bound=Effect)
MessageT = TypeVar("MessageT", bound=Message)


def seat(number: int) -> Voter:
    return Voter(f"node{number:03d}", f"uuid{number}")


def seats(count: int) -> tuple[Voter, ...]:
    return tuple(seat(number) for number in range(1, count + 1))


def log_of(*terms: int, voters: int = 3) -> tuple[Entry, ...]:
    """A log whose first entry founds the cluster; the others are commands, told apart by index and term."""
    founding: tuple[Entry, ...] = (Entry(1, terms[0], Configuration(CLUSTER, seats(voters))),) if terms else ()
    return founding + tuple(
        Entry(index, term, Command(f"{index}/{term}".encode())) for index, term in enumerate(terms[1:], start=2)
    )


class Hand:
    """``node002`` of three unless told otherwise, past its silence, with a log of those terms."""

    def __init__(
        self,
        me: int = 2,
        voters: int = 3,
        terms: tuple[int, ...] = (1, 1),
        vote: Vote | None = None,
        params: Params | None = None,
        stored: Stored | None = None,
        silent: bool = False,
    ) -> None:
        self.me = me
        self.voters = voters
        self.params = params or Params()
        self.now_us = 1_000_000 * MS
        self.entries: list[Entry] = []
        self.unwritten: list[Persist] = []
        self.effects: list[Effect] = []
        past = vote or Vote(terms[-1] if terms else 0)
        start = stored or Stored(past, log_of(*terms, voters=voters), self.params.election_timeout_ms)
        names = tuple(voter.name for voter in seats(voters))
        self.raft = Raft(self.params, seat(me).name, seat(me).uuid, names, "demo", start, Random(1))
        self.feed(Start())
        if not silent:
            self.now_us += self.params.election_timeout_us

    # The world.

    def feed(self, event: Event) -> list[Effect]:
        effects = self.raft.handle(event, self.now_us)
        self.unwritten += [effect for effect in effects if isinstance(effect, Persist)]
        self.effects = effects
        return effects

    def write(self) -> list[Effect]:
        """The disk catches up; gives all that follows from it."""
        follows: list[Effect] = []
        while self.unwritten:
            follows += self.feed(Persisted(self.unwritten.pop(0).token))
        self.effects = follows
        return follows

    def later(self, by_ms: float) -> list[Effect]:
        """Time passes, without a timer on the way."""
        self.now_us += round(by_ms * MS)
        return self.feed(Timer())

    def due(self) -> list[Effect]:
        """Time passes up to the next deadline."""
        deadline = self.raft.next_deadline()
        assert deadline is not None
        self.now_us = max(self.now_us, deadline)
        return self.feed(Timer())

    def header(self, sender: int, term: int | None = None) -> tuple[str, str, str, int]:
        return CLUSTER, seat(sender).uuid, seat(self.me).uuid, self.raft.term if term is None else term

    def tell(self, sender: int, message: Message, datagram: bool = False) -> list[Effect]:
        return self.feed(MessageReceived(seat(sender).name, message, datagram))

    # Short words.

    @property
    def others(self) -> list[int]:
        return [number for number in range(1, self.voters + 1) if number != self.me]

    def sent(self, kind: type[MessageT]) -> list[MessageT]:
        """Messages of that kind among the last effects."""
        return [
            effect.message for effect in self.effects if isinstance(effect, Send) and isinstance(effect.message, kind)
        ]

    def did(self, kind: type[EffectT]) -> list[EffectT]:
        """Effects of that kind among the last effects."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def heartbeat(
        self, sender: int, term: int | None = None, commit_index: int = 0, lease_ms: int = 500
    ) -> list[Effect]:
        return self.tell(sender, Heartbeat(*self.header(sender, term), self.now_us, commit_index, lease_ms * MS))

    def refused(self, number: int) -> list[Effect]:
        """Evidence that a process is gone."""
        return self.feed(Refused(seat(number).name, seat(number).uuid))

    def ask_pre_vote(
        self, sender: int, term: int, last_index: int = 99, last_term: int = 99, acts_late: bool = True
    ) -> bool:
        """Whether the pre-vote was granted."""
        self.tell(sender, PreVoteRequest(*self.header(sender, term), last_index, last_term, "", acts_late))
        self.effects += self.write()
        (reply,) = self.sent(PreVoteReply)
        return reply.granted

    def ask_vote(
        self,
        sender: int,
        term: int,
        last_index: int = 99,
        last_term: int = 99,
        transfer: bool = False,
        acts_late: bool = True,
    ) -> bool:
        """Whether the vote was granted."""
        log = last_index, last_term
        effects = self.tell(sender, VoteRequest(*self.header(sender, term), *log, "", transfer, acts_late))
        self.effects = effects + self.write()
        (reply,) = self.sent(VoteReply)
        return reply.granted

    def stand(self) -> list[Effect]:
        """Up to the real candidacy: the promise ends, a quorum pre-votes; the disk has not written yet."""
        for _ in range(5):
            self.due()
            if self.sent(PreVoteRequest):
                break
        for number in self.others[: self.voters // 2]:
            effects = self.tell(number, PreVoteReply(*self.header(number), self.raft.term, True))
        return effects

    def lead(self) -> list[Effect]:
        """Elected and written; nobody has acknowledged anything."""
        self.stand()
        self.write()
        for number in self.others[: self.voters // 2]:
            effects = self.tell(number, VoteReply(*self.header(number), self.raft.term, True))
        assert self.raft.leader == seat(self.me).name
        return effects

    def acknowledge(self, sender: int, sent_us: int | None = None, term: int | None = None) -> list[Effect]:
        """A heartbeat's reply."""
        at_us = self.now_us if sent_us is None else sent_us
        return self.tell(sender, HeartbeatReply(*self.header(sender, term), at_us, self.params.election_timeout_us))

    def match(self, sender: int, index: int) -> list[Effect]:
        """An append's success."""
        return self.tell(sender, AppendReply(*self.header(sender), True, index - 1, index))

    def act(self) -> list[Effect]:
        """Leads, with its no-op committed and a quorum's promises."""
        self.lead()
        self.write()
        last = self.raft.view(self.now_us).last_index
        for number in self.others[: self.voters // 2]:
            self.acknowledge(number)
            self.match(number, last)
        assert self.raft.is_acting(self.now_us)
        return self.effects

    def log(self) -> list[int]:
        """The log's terms."""
        return [entry.term for entry in self.raft.entries]


__all__ = ["CLUSTER", "MS", "Hand", "Header", "NoOp", "log_of", "seat", "seats"]
