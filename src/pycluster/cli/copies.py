"""This agent's copy of the replicated state and its disk, as lines for people."""

from __future__ import annotations

from pycluster.node.view import CopyView, DiskView, RaftStatusView, SnapshotView

_KIB, _MIB = 1 << 10, 1 << 20
#: From then on a time is told in seconds.
_LONG_MS = 10_000


def copy_lines(raft: RaftStatusView) -> list[str]:
    """What ``raft peers -o wide`` says below its table."""
    copy = raft.copy
    if copy is None:
        lines = [f"Copy: none here; {raft.leader.leader or 'nobody'} answers for the state"]
    else:
        lines = [f"Copy: {_copy(copy, raft.quorum.commit_index)}", f"Snapshot: {_snapshot(copy.snapshot)}"]
    return lines if raft.disk is None else [*lines, f"Disk: {_disk(raft.disk)}"]


def _copy(copy: CopyView, commit_index: int) -> str:
    readable = f", readable from {copy.compact_revision}" if copy.compact_revision else ""
    return (
        f"entry {copy.applied_index} of {commit_index} committed, revision {copy.revision}{readable};"
        f" {copy.keys} keys, {_size(copy.size_bytes)} of {_size(copy.size_max_bytes)};"
        f" {copy.leases} of {copy.leases_max} leases, {copy.watchers} of {copy.watchers_max} watches"
    )


def _snapshot(snapshot: SnapshotView) -> str:
    done = f"entry {snapshot.index}, revision {snapshot.revision}" if snapshot.index else "none yet"
    if snapshot.size_bytes is not None:
        done += f", {_size(snapshot.size_bytes)}"
    ways = [f"on its way to {name} ({_size(sent)} so far)" for name, sent in sorted(snapshot.sending.items())]
    if snapshot.saving_bytes is not None:
        ways.append(f"the next one being written ({_size(snapshot.saving_bytes)} so far)")
    if snapshot.receiving_bytes is not None:
        ways.append(f"the leader's being received ({_size(snapshot.receiving_bytes)} so far)")
    return "; ".join([done, *ways])


def _disk(disk: DiskView) -> str:
    pending = "" if disk.pending_ms is None else f"; one is under way for {_time(disk.pending_ms)}"
    if disk.median_ms is None or disk.worst_ms is None:
        return f"nothing written yet{pending}"
    usual, worst = _time(disk.median_ms), _time(disk.worst_ms)
    return f"{usual} a durable write, {worst} at worst, of the last {disk.of}{pending}"


def _time(time_ms: float) -> str:
    return f"{time_ms:g} ms" if time_ms < _LONG_MS else f"{time_ms / 1_000:.0f} s"


def _size(count: int) -> str:
    if count < _KIB:
        return f"{count} bytes"
    return f"{count / _KIB:.1f} KiB" if count < _MIB else f"{count / _MIB:.1f} MiB"
