"""What one ``handle`` wants done, in order, and the numbers that bring the answers back to whoever asked."""

from __future__ import annotations

from collections import deque

from pycluster import consensus
from pycluster.kernel.ids import Address
from pycluster.kernel.limits import FRAME_MAX_BYTES
from pycluster.node import effects
from pycluster.node.events import FilePlaced, RolloutTold
from pycluster.node.ledger import Ledger
from pycluster.node.pending import Redial
from pycluster.wire import Body, Codec


class Outbox:
    """Collects effects. Call and persist numbers are the node's own; the cores number theirs apart."""

    def __init__(self, codec: Codec, ledger: Ledger) -> None:
        self.effects: list[effects.Effect] = []
        self._encode = codec.encode
        self._ledger = ledger
        self._now = 0
        self._calls: dict[int, tuple[Address, int | str | Redial]] = {}
        self._next_call = 0
        self._next_token = 0
        self._raft_tokens: deque[tuple[int, int]] = deque()

    def begin(self, now_us: int) -> None:
        """A new event at ``now_us``."""
        self._now = now_us
        self.effects = []

    def taken(self) -> list[effects.Effect]:
        """All of it, kept here no longer: a joiner's first table makes thousands."""
        taken, self.effects = self.effects, []
        return taken

    def append(self, effect: effects.Effect | None) -> None:
        """One effect, or none."""
        if effect is not None:
            self.effects.append(effect)

    def datagram(self, to: Address, body: Body) -> None:
        """One datagram."""
        self.effects.append(effects.SendDatagram(to, self._encode(body)))

    def post(self, to: Address, channel: effects.Channel, body: Body) -> bool:
        """One frame on a persistent connection; False where it is too large for one, which would end the connection."""
        frame = self._encode(body)
        if len(frame) > FRAME_MAX_BYTES:
            return False
        self.effects.append(effects.Post(to, channel, frame))
        return True

    def answer(self, token: int, body: Body) -> None:
        """A reply."""
        self.effects.append(effects.Answer(token, self._encode(body)))

    def call(self, to: Address, body: Body, timeout_us: int, what: int | str | Redial) -> None:
        """A request; ``called`` gives ``(to, what)`` back when it ends."""
        self._next_call += 1
        self._calls[self._next_call] = (to, what)
        self.effects.append(effects.Call(self._next_call, to, self._encode(body), timeout_us))

    def called(self, call: int) -> tuple[Address, int | str | Redial] | None:
        """Whom and for what the call was made; None when it is over already."""
        return self._calls.pop(call, None)

    def save_incarnation(self, incarnation: int) -> None:
        """Membership's only durable fact."""
        self._next_token += 1
        self.effects.append(effects.Persist(self._next_token, incarnation))

    def save_log(self, request: consensus.Persist) -> None:
        """Consensus' durable facts; ``persisted`` gives its own token back."""
        self._next_token += 1
        self._raft_tokens.append((self._next_token, request.token))
        self.effects.append(
            effects.Persist(
                self._next_token,
                None,
                request.vote,
                request.truncate_from,
                request.entries,
                request.promised_ms,
                request.snapshot,
            )
        )

    def persisted(self, token: int) -> int | None:
        """Consensus' newest token that the node's ``token`` covers, for a disk may answer for many at once; or None."""
        newest = None
        while self._raft_tokens and self._raft_tokens[0][0] <= token:
            newest = self._raft_tokens.popleft()[1]
        return newest

    def publish(
        self, kind: str, text: str, *, node: str = "", term: int = 0, fields: dict[str, str | int] | None = None
    ) -> None:
        """Tell everyone who subscribed."""
        self.effects.append(self._ledger.event(kind, text, self._now, node=node, term=term, fields=fields))

    def backup_ended(self, file: str, revision: int, problem: str) -> None:
        """Tell and count how a backup ended; where none is due here any more, an old problem is none."""
        self._ledger.backup_problem = problem
        if problem:
            self._ledger.count("backups_failed")
            self.publish("backup-failed", f"Backup failed: {problem}", fields={"problem": problem})
        elif file:
            self._ledger.count("backups_made")
            text = f"Backup made: {file}, revision {revision}"
            self.publish("backup-made", text, fields={"file": file, "revision": revision})

    def file_placed(self, placed: FilePlaced) -> None:
        """Tell and count what became of a rendered file."""
        name, destination, problem = placed.template, placed.destination, placed.problem
        fields: dict[str, str | int] = {"template": name, "destination": destination}
        if problem:
            self._ledger.file_problems[name] = problem
            self._ledger.count("files_failed")
            text = f"File {destination} is not in place: template {name}: {problem}"
            self.publish("file-failed", text, fields={**fields, "problem": problem})
            return
        self._ledger.file_problems.pop(name, None)
        self._ledger.count("files_placed")
        self.publish("file-placed", f"File {destination}: {placed.did} (template {name})", fields=fields)

    def rollout_told(self, told: RolloutTold) -> None:
        """Tell and count what became of a rollout."""
        if told.problem:
            self._ledger.rollout_problems[told.rollout] = told.problem
        else:
            self._ledger.rollout_problems.pop(told.rollout, None)
        self._ledger.count(told.kind.replace("rollout-", "rollouts_").replace("-", "_"))
        self.publish(told.kind, told.text, fields=told.fields)
