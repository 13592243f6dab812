"""What was asked of the replicated state at this node, until it is answered: here, or by the voter that leads.

Events: asked, answered, a new leader, time. Invariants: each question is answered once, within its time; a write keeps
its ID however often it is passed on, so that it applies once; nothing that was refused for good is tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from pycluster import store
from pycluster.kernel.units import MILLISECOND
from pycluster.node.addresses import AddressBook
from pycluster.node.config import StateParams
from pycluster.node.effects import StateAnswered
from pycluster.node.outbox import Outbox
from pycluster.node.pending import Answer, Question
from pycluster.node.replica import Replica
from pycluster.store import RETRYABLE, Failure, LeaseGrant, Request
from pycluster.wire import StateRequest, WatchPoll

#: Refused for the moment: tried again after this part of the usual pause.
_SOON = 10


class Asking:
    """The questions under way; ``leader`` names who leads as far as this node may believe."""

    def __init__(
        self,
        name: str,
        params: StateParams,
        bounds: store.Params,
        replica: Callable[[], Replica | None],
        addresses: AddressBook,
        outbox: Outbox,
        leader: Callable[[], str],
        rng: Random,
    ) -> None:
        self._name = name
        self._params = params
        self._bounds = bounds
        self._replica = replica
        self._addresses = addresses
        self._outbox = outbox
        self._leader = leader
        self._rng = rng
        self._now = 0
        #: Not from 0 on: what a former life of this node asked may still be answered.
        self._number = rng.getrandbits(48)
        self._open: dict[int, Question] = {}
        self._polls = 0
        self._asked_of = ""
        self._due_us: int | None = None

    def at(self, now_us: int) -> None:
        """It is ``now_us``."""
        self._now = now_us

    def ask(self, token: int, request: Request, request_id: bytes, timeout_us: int) -> None:
        """Somebody at this node asks."""
        refused = store.unfit(request, self._bounds) if isinstance(request, store.Write) else None
        if refused is not None:
            # Before anybody else has to carry and to read it.
            self._outbox.append(StateAnswered(token, refused))
            return
        if isinstance(request, LeaseGrant) and request.id == 0:
            # Drawn here, so that it is the same however often this is tried.
            request = msgspec.structs.replace(request, id=self._rng.getrandbits(62) + 1)
        self._begin(Question(request, request_id, self._now + timeout_us, 0, token=token))

    def poll(self, poll: WatchPoll, timeout_us: int, told: Callable[[Answer], None]) -> int:
        """A watch of this node's own asks a replica; gives the number to ``drop`` it by."""
        return self._begin(Question(poll, b"", self._now + timeout_us, 0, told=told))

    def drop(self, number: int) -> None:
        """Nobody wants that answer any more."""
        if self._open.pop(number, None) is not None:
            self._polls -= 1

    def answered(self, number: int, answer: Answer) -> None:
        """A replica answered, here or by a peer's word."""
        question = self._open.get(number)
        if question is None:
            return  # an answer that comes twice, or too late
        of_poll = isinstance(question.request, WatchPoll)
        if not isinstance(answer, Failure) and isinstance(answer, store.WatchBatch) != of_poll:
            return  # not to what was asked
        # No space may be left because of an earlier try that is in the log and not applied yet.
        full = isinstance(answer, Failure) and answer.kind == "no-space" and question.tries - question.refusals > 1
        if isinstance(answer, Failure) and (answer.kind in RETRYABLE or full):
            question.failure = answer
            question.refusals += full or answer.kind in ("no-leader", "overloaded")
            pause_us = self._params.retry_ms * MILLISECOND // _SOON
            self._retry(question, pause_us // 2 + self._rng.randrange(pause_us))
        else:
            self._end(number, answer)

    @property
    def waits(self) -> bool:
        """Whether anything is under way."""
        return bool(self._open)

    def led(self) -> None:
        """Whoever leads now is asked whatever another one was."""
        leader = self._leader()
        if leader == self._asked_of:
            return
        self._asked_of = leader
        if leader:
            for number, question in [*self._open.items()]:
                if question.to != leader:
                    self._try(number, question)

    def tick(self) -> None:
        """What is due is tried again; what took too long is answered so."""
        if self._due_us is None or self._now < self._due_us:
            return
        for number, question in [*self._open.items()]:
            if self._now >= question.ends_us:
                self._end(number, self._too_late(question))
            elif self._now >= question.retry_us:
                self._try(number, question)
        self._due_us = min((min(one.ends_us, one.retry_us) for one in self._open.values()), default=None)

    def next_deadline(self) -> int | None:
        """When ``tick`` is due; never, where nothing waits: nobody calls it then."""
        return self._due_us if self._open else None

    def _begin(self, question: Question) -> int:
        self._number += 1
        number = self._number
        self._open[number] = question
        self._polls += question.told is not None
        self._due(question.ends_us)
        # How many polls there are, the bound of watches says.
        if question.told is None and len(self._open) - self._polls > self._params.requests_max:
            self._end(number, Failure("overloaded", f"{self._name} has too many requests under way"))
        else:
            self._try(number, question)
        return number

    def _try(self, number: int, question: Question) -> None:
        leader, request = self._leader(), question.request
        anyone = isinstance(request, store.Range) and request.serializable
        replica = self._replica()
        if replica is not None and (anyone or leader == self._name):
            question.to, question.tries = self._name, question.tries + 1
            self._retry(question, question.ends_us - self._now)
            replica.take(request, question.request_id, number)
            return
        address = self._addresses.of(leader) if leader and leader != self._name else None
        pause_us = self._params.retry_ms * MILLISECOND
        if address is None:
            self._retry(question, pause_us // _SOON)
            return
        question.to, question.tries = leader, question.tries + 1
        wait_us = request.wait_us if isinstance(request, WatchPoll) else 0
        self._retry(question, pause_us + wait_us)
        body = StateRequest(self._name, number, request, question.request_id)
        if not self._outbox.post(address, "client", body):
            self._end(number, Failure("request-too-large", "the request does not go into one frame"))

    def _retry(self, question: Question, after_us: int) -> None:
        question.retry_us = self._now + after_us
        self._due(question.retry_us)

    def _due(self, at_us: int) -> None:
        self._due_us = at_us if self._due_us is None else min(self._due_us, at_us)

    def _end(self, number: int, answer: Answer) -> None:
        question = self._open.pop(number)
        if question.told is not None:
            self._polls -= 1
            question.told(answer)
        elif question.token is not None:
            assert not isinstance(answer, store.WatchBatch)
            self._outbox.append(StateAnswered(question.token, answer))

    def _too_late(self, question: Question) -> Failure:
        if not question.tries:
            return Failure("no-leader", "no leader took it in time")
        if question.failure is not None and question.tries == question.refusals:
            return question.failure
        return Failure("timed-out", "no answer came in time; a write may or may not have been applied")
