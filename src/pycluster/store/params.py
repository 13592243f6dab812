"""The store's parameters."""

from __future__ import annotations

import msgspec

from pycluster.kernel.errors import LocalMisuse

_MIB = 1 << 20


class Params(msgspec.Struct, frozen=True):
    """Bounds of the replicated state. All replicas decide by them, so they must be the same on every voter.

    ``key_max_bytes`` (bytes, 1 to 65,536): one key.

    ``value_max_bytes`` (bytes, 1 to 1,572,864): one value, so that an entry and its copies fit into a frame.

    ``request_max_bytes`` (bytes): all keys and values of one request, and what an answer may bring; below the frame's.

    ``operations_max`` (operations, 1 to 10,000): of one branch of a transaction, and its conditions; etcd's 128.

    ``keys_max`` (keys, 1,000 or more): that one request looks at or deletes; more would hold everything else up for
    longer than an election takes. Counts and reads in the order of keys look at no more than they bring; those of the
    past also at what was written since (25,000 changes at most), or at all that is left to count.

    ``state_max_bytes`` (bytes): keys and values kept, history included; a write past it is refused until something is
    deleted and compacted. Deletions, compaction and leases always go through.

    ``leases_max`` (leases, 1 to 1,000,000): leases at a time.

    ``lease_ttl_min_s`` (s, 1 to 3,600): shorter ones are made this long: less than an election takes is no use.

    ``lease_ttl_max_s`` (s): etcd's bound.

    ``remembered_max`` (requests, 0 to 1,000,000): of so many last writes the answers are kept for their retries: ten
    seconds of more than any cluster of these writes.

    ``remembered_answer_max_bytes`` (bytes): larger answers are not kept; a retry is told the revision.

    ``chunk_bytes`` (bytes, 1,024 to 1 MiB): a piece of a snapshot: what is packed in one go, below 5 ms.

    ``slice_entries`` (versions, 1 or more): removed, or told to a watcher that is behind, in one go; below 5 ms.
    """

    key_max_bytes: int = 8_192
    value_max_bytes: int = _MIB
    request_max_bytes: int = 3 * _MIB // 2
    operations_max: int = 128
    keys_max: int = 100_000
    state_max_bytes: int = 256 * _MIB
    leases_max: int = 100_000
    lease_ttl_min_s: int = 2
    lease_ttl_max_s: int = 9_000_000_000
    remembered_max: int = 50_000
    remembered_answer_max_bytes: int = 1_024
    chunk_bytes: int = 131_072
    slice_entries: int = 1_000

    def __post_init__(self) -> None:
        bounds = {
            "key_max_bytes": (1, 65_536),
            "value_max_bytes": (1, 3 * _MIB // 2),
            "request_max_bytes": (1_024, 3 * _MIB),
            "operations_max": (1, 10_000),
            "keys_max": (1_000, 1 << 31),
            "state_max_bytes": (_MIB, 1 << 31),
            "leases_max": (1, 1_000_000),
            "lease_ttl_min_s": (1, 3_600),
            "lease_ttl_max_s": (60, 9_000_000_000),
            "remembered_max": (0, 1_000_000),
            "remembered_answer_max_bytes": (64, 65_536),
            "chunk_bytes": (1_024, _MIB),
            "slice_entries": (1, 100_000),
        }
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise LocalMisuse(
                    f"{name} = {value} is not possible", why=f"it must lie in {least} to {most}", remedy="change it"
                )
