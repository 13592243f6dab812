"""A state whose revision is moved ahead, so that no watcher ever sees one that it has seen before.

A state that is put back from a file is older than what its clients saw last: revisions would be given to changes a
second time. Moved ahead by more than were lost they are not, and everything before is compacted, so that a watcher that
goes on from where it was is told so and reads anew (etcd's ``--bump-revision`` with ``--mark-compacted``).
"""

from __future__ import annotations

from pycluster.kernel.errors import LocalMisuse
from pycluster.store import versions
from pycluster.store.history import History
from pycluster.store.store import Store

#: Revisions are 63 bits; this leaves room for all that come later.
BUMP_MAX = 1 << 48


def bumped(state: Store, by: int) -> Store:
    """The keys, leases and answers of ``state`` ``by`` revisions later, compacted there; ``state`` is used up.

    Raises ``LocalMisuse`` where ``by`` is not 1 to 2^48.
    """
    if not 1 <= by <= BUMP_MAX:
        raise LocalMisuse(f"revisions cannot be moved by {by}", why=f"1 to {BUMP_MAX} are possible")
    moved = Store(state.params)
    moved.revision = moved.compacted = state.revision + by
    moved.history = History(moved.revision, ((),), (0,))
    for lease in state.leases.ids():
        moved.leases.restore(lease, state.leases.granted_ttl_s(lease))
    for request_id, answer in state.remembered.everything().items():
        moved.remembered.restore(request_id, answer)
    for key, packed in state.keyspace.walk(b"", None):
        moved.keyspace.write(key, packed)
        moved.leases.move(key, 0, versions.lease(packed))
        moved.written_bytes += versions.size_bytes(key, packed)
    return moved
