"""What a leader calls committed: of its own term, durable on a majority, and one change of the voters at a time."""

from __future__ import annotations

from collections.abc import Mapping

from pycluster.consensus import Configuration, Entry, Heartbeat, Message
from pycluster.consensus.messages import AppendEntries, AppendReply
from pycluster.node.effects import Persist, RecordActing
from pycluster.simulator.checkers.checker import Checker, Violation
from pycluster.simulator.checkers.logs import Logs
from pycluster.simulator.host import Host


class Commits(Checker):
    """Judged at the moment at which it is said, by the disks of all: nobody has to crash for a wrong count to show."""

    def __init__(self, hosts: Mapping[str, Host], logs: Logs) -> None:
        self._hosts = hosts
        logs.listeners.append(self._said)
        #: By cluster: how far leaders have said that they committed.
        self._told: dict[str, int] = {}
        self._leaders: dict[tuple[str, int], str] = {}
        self._acting: dict[str, int] = {}

    # --- what is said ---------------------------------------------------------------------------------------------

    def _said(self, host: Host, message: Message, now_us: int) -> None:
        match message:
            case Heartbeat() | AppendEntries():
                self._leaders[host.cluster, message.term] = host.disk.uuid
                if message.commit_index > self._told.get(host.cluster, 0):
                    # A leader that gave its seat up shows no index any more.
                    self._committed(host, message.term, max(message.commit_index, _commit_index(host, now_us)), now_us)
            case AppendReply(success=True):
                commit, told = _commit_index(host, now_us), self._told.get(host.cluster, 0)
                # What it committed as a leader, and told nobody, it still knows.
                if commit > told and not self._led(host, host.disk.believed()[commit - 1].term):
                    raise Violation("followers follow", f"{host.label} committed {commit}; leaders only {told}")
            case _:
                pass

    def _committed(self, host: Host, term: int, commit: int, now_us: int) -> None:
        log = host.disk.believed()
        self._told[host.cluster] = max(commit, self._told.get(host.cluster, 0))
        entry = log[commit - 1]
        if entry.term != term and not self._led(host, entry.term):
            raise Violation(
                "commits by its own term",
                f"{host.label} in term {term} commits {commit}, an entry of term {entry.term} (Raft §5.4.2)",
            )
        # It counts by the newest configuration in its log, the disk's log or, behind that, what waits to be written.
        ours = host.process.quorum(host.clock.local(now_us)).voters if host.process is not None else ()
        counted = [(seat.name, seat.uuid) for seat in ours if not seat.learner]
        written = [(seat.name, seat.uuid) for seat in _configuration(log).voters]
        if not self._durable(counted, entry) and not self._durable(written, entry):
            having = [name for name, uuid in written if uuid and self._has(uuid, entry)]
            raise Violation(
                "committed is durable",
                f"{host.label} commits {commit} of term {entry.term}; of {len(written)} voters' disks have it:"
                f" {', '.join(having) or 'none'}",
            )

    def _durable(self, voters: list[tuple[str, str]], entry: Entry) -> bool:
        return sum(bool(uuid) and self._has(uuid, entry) for _, uuid in voters) > len(voters) // 2

    def _led(self, host: Host, term: int) -> bool:
        return self._leaders.get((host.cluster, term)) == host.disk.uuid

    def _has(self, uuid: str, entry: Entry) -> bool:
        """Whether that disk has the entry, or is no more: it may have had it when that was counted."""
        for host in self._hosts.values():
            if host.disk.uuid == uuid:
                entries = host.disk.entries
                return len(entries) >= entry.index and entries[entry.index - 1].term == entry.term
        return True

    # --- what is done ---------------------------------------------------------------------------------------------

    def acted(self, host: Host, effect: RecordActing, now_us: int) -> None:
        if effect.ended or self._acting.get(host.label) == effect.term:
            return
        self._acting[host.label] = effect.term
        assert host.process is not None
        if host.process.quorum(host.clock.local(now_us)).phase == "observer":
            return  # its seat went with the very entry that let it act: it leads no more, and shows no index
        commit = _commit_index(host, now_us)
        log = host.disk.believed()
        if not 0 < commit <= len(log) or log[commit - 1].term != effect.term:
            raise Violation(
                "acts after its first entry", f"{host.label} acts in term {effect.term}, of which nothing is committed"
            )

    def persisting(self, host: Host, effect: Persist, now_us: int) -> None:
        changes = [entry for entry in effect.entries if isinstance(entry.payload, Configuration)]
        if not changes or changes[0].index == 1 or host.process is None:
            return
        if not self._led(host, changes[0].term):
            return
        log = host.disk.believed()
        last = next(entry for entry in reversed(log) if isinstance(entry.payload, Configuration))
        # Whoever gave its seat up, and the title with it in the same turn, shows no index any more.
        commit = max(_commit_index(host, now_us), self._told.get(host.cluster, 0))
        if len(changes) > 1 or last.index > commit:
            raise Violation(
                "one change at a time",
                f"{host.label} changes the voters in entry {changes[0].index}; the change in {last.index} is not"
                f" committed (committed are {commit})",
            )
        former, later = set(_configuration(log).voters), set(_configuration(changes[:1]).voters)
        # A seat that its node claims is the same seat.
        uuids = {seat.uuid for seat in former ^ later if seat.uuid}
        if len(former - later) > 1 or len(later - former) > 1 or len(uuids) > 1:
            raise Violation("one change at a time", f"{host.label} goes from {former} to {later}")


def _commit_index(host: Host, now_us: int) -> int:
    assert host.process is not None
    return host.process.quorum(host.clock.local(now_us)).commit_index


def _configuration(log: list[Entry]) -> Configuration:
    """The newest one, which counts from when it is appended."""
    for entry in reversed(log):
        if isinstance(entry.payload, Configuration):
            return entry.payload
    raise AssertionError("a log begins with a configuration")
