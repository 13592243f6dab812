"""Which cluster a voter is of, where its state was restored from a file and has no cluster yet.

A cluster UUID is 32 hexadecimal digits. Of a cluster that was founded on a restored state the first half is its *seed*,
which stands for the file, the token and the list of voters, and the founder draws the second half. Voters that were
restored alike know the seed; their second half is zeros until one of them has founded the cluster. So two foundings on
one seed are two clusters, neither of which takes the other's log; and an older version takes a voter that waits to
found for one of another cluster, and leaves it alone.
"""

from __future__ import annotations

_HALF = 16
_UNFOUNDED = "0" * _HALF


def unfounded(seed: str) -> str:
    """The cluster UUID of voters that were restored with ``seed`` (16 hexadecimal digits) and have no cluster yet."""
    return seed[:_HALF] + _UNFOUNDED


def is_founded(cluster_uuid: str) -> bool:
    """Whether it is that of a cluster: neither empty nor one that waits to be founded."""
    return bool(cluster_uuid) and cluster_uuid[_HALF:] != _UNFOUNDED


def founded_on(cluster_uuid: str, drawn: str) -> str:
    """The UUID of a cluster that is founded now: ``drawn``, behind the seed where there is one."""
    return cluster_uuid[:_HALF] + drawn[_HALF:] if cluster_uuid else drawn


def foreign(one: str, other: str) -> bool:
    """Whether two cluster UUIDs (either may be empty) keep their voters apart."""
    if not one or not other or one == other:
        return False
    return one[:_HALF] != other[:_HALF] or (is_founded(one) and is_founded(other))
