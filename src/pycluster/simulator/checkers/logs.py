"""Votes, terms and entries: durable before anyone hears of them, never taken back, the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pycluster.consensus import Configuration, Entry, Heartbeat, Message, Snapshot, Vote
from pycluster.consensus.messages import AppendEntries, AppendReply, InstallSnapshot, ReachEcho, VoteReply
from pycluster.node.effects import Persist, Post, RecordActing, SendDatagram
from pycluster.simulator.checkers.checker import Checker, Violation
from pycluster.simulator.host import Host
from pycluster.wire import Codec, VoterMessage

#: Where in a frame's header its kind stands, and the kind of the voters' messages.
KIND_AT = 12
_VOTERS = Codec("any").encode(VoterMessage("any", ReachEcho("", "", "", 0, 0)))[KIND_AT]


class Logs(Checker):
    """Raft's figure 3, watched from outside: on the wire and on the disks."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        self._hosts = hosts
        self._codecs: dict[str, Codec] = {}
        self._leaders: dict[tuple[str, int], str] = {}
        self._terms: dict[str, int] = {}
        self._entries: dict[tuple[str, int, int], tuple[Entry, int]] = {}
        #: By cluster: what has been committed, from index 1 on.
        self.committed: dict[str, list[Entry]] = {}
        self._cluster_uuids: dict[str, str] = {}
        #: Told every message between voters, as it leaves: (sender, message, true µs).
        self.listeners: list[Callable[[Host, Message, int], None]] = []

    # --- what is said ---------------------------------------------------------------------------------------------

    def posted(self, host: Host, effect: Post, now_us: int) -> None:
        body = self._codec(host).decode(effect.data, datagram=False)
        if isinstance(body, VoterMessage):
            self._said(host, body.message)
            for listener in self.listeners:
                listener(host, body.message, now_us)

    def sent(self, host: Host, effect: SendDatagram, now_us: int) -> None:
        # Nearly all datagrams are gossip; only the voters' are worth the reading.
        if effect.data[KIND_AT] != _VOTERS:
            return
        body = self._codec(host).decode(effect.data, datagram=True)
        if isinstance(body, VoterMessage):
            self._said(host, body.message)
            for listener in self.listeners:
                listener(host, body.message, now_us)

    def _codec(self, host: Host) -> Codec:
        codec = self._codecs.get(host.cluster)
        if codec is None:
            codec = self._codecs[host.cluster] = Codec(host.cluster)
        return codec

    def _said(self, host: Host, message: Message) -> None:
        term, uuid, vote = message.term, message.from_uuid, host.disk.vote
        if uuid != host.disk.uuid:
            raise Violation("identity", f"{host.label} speaks as {uuid}; its disk says {host.disk.uuid}")
        if term < self._terms.get(uuid, 0):
            raise Violation("terms grow", f"{host.label} speaks in term {term} after {self._terms[uuid]}")
        self._terms[uuid] = term
        if term > vote.term:
            raise Violation(
                "durable before said", f"{host.label} says {type(message).__name__} in term {term}; durable is {vote}"
            )
        match message:
            case VoteReply(granted=True, request_term=asked, to_uuid=to):
                if vote.term == asked and vote.voted_for != to:
                    raise Violation(
                        "durable before said", f"{host.label} votes for {to} in term {asked}; durable is {vote}"
                    )
            case AppendReply(success=True, match_index=match):
                if match and (not host.disk.entries or host.disk.entries[-1].index < match):
                    raise Violation(
                        "durable before said",
                        f"{host.label} acknowledges index {match}; durable are {len(host.disk.entries)} entries",
                    )
            case (
                AppendEntries(commit_index=commit)
                | Heartbeat(commit_index=commit)
                | InstallSnapshot(snapshot=Snapshot(index=commit))
            ):
                leader = self._leaders.setdefault((host.cluster, term), uuid)
                if leader != uuid:
                    raise Violation("one leader a term", f"{host.label} leads in term {term}, which is {leader}'s")
                self._commits(host, commit)
            case _:
                pass

    def acted(self, host: Host, effect: RecordActing, now_us: int) -> None:
        known = self.committed.get(host.cluster, [])
        if effect.ended or not known:
            return
        log = host.disk.believed()
        if log[: len(known)] != known:
            raise Violation(
                "leader completeness",
                f"{host.label} acts in term {effect.term} without the committed entries: {_diff(known, log)}",
            )

    # --- what is written ------------------------------------------------------------------------------------------

    def persisting(self, host: Host, effect: Persist, now_us: int) -> None:
        if effect.vote is not None:
            self._vote(host, effect.vote)
        if effect.truncate_from is None and not effect.entries and effect.snapshot is None:
            return
        log = host.disk.believed()
        if effect.snapshot is not None:
            self._installs(host, log, effect.snapshot)
        if effect.truncate_from is not None:
            known = self.committed.get(host.cluster, [])
            kept = effect.truncate_from - 1
            if kept < len(known) and log[kept : len(known)] == known[kept : len(log)] and len(log) > kept:
                raise Violation(
                    "committed entries stay", f"{host.label} truncates from {kept + 1}; committed are {len(known)}"
                )
            log = log[:kept]
        for entry in effect.entries:
            self._entry(host, log, entry)
            log.append(entry)

    def _installs(self, host: Host, log: list[Entry], snapshot: Snapshot) -> None:
        """What takes the log's place was committed, all of it, and ends as it says."""
        known = self.committed.get(host.cluster, [])
        if len(known) < snapshot.index or known[snapshot.index - 1].term != snapshot.term:
            raise Violation("snapshots are committed", f"{host.label} installs {snapshot}; committed are {len(known)}")
        goes_on = len(log) >= snapshot.index and log[snapshot.index - 1].term == snapshot.term
        log[:] = known[: snapshot.index] + (log[snapshot.index :] if goes_on else [])

    def history(self, cluster: str, index: int) -> list[Entry]:
        """The committed entries up to ``index``, for a disk that was sent them as a snapshot."""
        return self.committed.get(cluster, [])[:index]

    def _vote(self, host: Host, vote: Vote) -> None:
        former = host.disk.vote
        for request in host.disk.pending:
            if isinstance(request, Persist):
                former = request.vote or former
        if vote.term < former.term:
            raise Violation("terms grow", f"{host.label} writes {vote} over {former}")
        if vote.term == former.term and former.voted_for not in ("", vote.voted_for):
            raise Violation("one vote a term", f"{host.label} writes {vote} over {former}")

    def _entry(self, host: Host, log: list[Entry], entry: Entry) -> None:
        if entry.index != len(log) + 1:
            raise Violation("log", f"{host.label} writes entry {entry.index} after {len(log)}")
        before = log[-1].term if log else 0
        if entry.term < before:
            raise Violation("log", f"{host.label} writes an entry of term {entry.term} after one of {before}")
        known = self._entries.setdefault((host.cluster, entry.index, entry.term), (entry, before))
        if known != (entry, before):
            raise Violation("log matching", f"{host.label} holds {entry} after term {before}; elsewhere: {known}")

    def _commits(self, host: Host, commit: int) -> None:
        known = self.committed.setdefault(host.cluster, [])
        if commit <= len(known):
            return
        log = host.disk.believed()
        if len(log) < commit or log[: len(known)] != known:
            raise Violation("committed entries stay", f"{host.label} commits {commit}: {_diff(known, log)}")
        for entry in log[len(known) : commit]:
            known.append(entry)
            if isinstance(entry.payload, Configuration):
                first = self._cluster_uuids.setdefault(host.cluster, entry.payload.cluster_uuid)
                if first != entry.payload.cluster_uuid:
                    raise Violation("one cluster", f"{host.label} commits {entry.payload.cluster_uuid} beside {first}")

    def seats(self, cluster: str) -> tuple[str, ...]:
        """The UUIDs of the voters in the newest committed configuration; none before there is one."""
        for entry in reversed(self.committed.get(cluster, [])):
            if isinstance(entry.payload, Configuration):
                return tuple(voter.uuid for voter in entry.payload.voters)
        return ()

    # --- now and then ---------------------------------------------------------------------------------------------

    def sampled(self, now_us: int) -> None:
        for host in self._hosts.values():
            process = host.process
            if process is None or host.frozen_since_us is not None or not host.disk.entries:
                continue
            commit = process.quorum(host.clock.local(now_us)).commit_index
            self._commits(host, commit)
            known = self.committed.get(host.cluster, [])
            shared = min(commit, len(known))
            log = host.disk.believed()
            if log[:shared] != known[:shared]:
                raise Violation(
                    "committed entries stay", f"{host.label} committed {commit}: {_diff(known[:shared], log)}"
                )


def _diff(known: list[Entry], log: list[Entry]) -> str:
    for index, entry in enumerate(known):
        if index >= len(log) or log[index] != entry:
            mine = log[index] if index < len(log) else "nothing"
            return f"index {index + 1} is {mine}, committed is {entry}"
    return f"the log ends at {len(log)}, committed are {len(known)}"
