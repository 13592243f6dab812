"""The whole state at one moment, piece by piece, for a file that stands by itself."""

from __future__ import annotations

from pycluster.consensus import Snapshot
from pycluster.node.config import NodeConfig
from pycluster.store import Manifest, SnapshotWriter, Store


class StateCopy:
    """What it is of, and its pieces; whatever is applied meanwhile is not in it. ``close`` it in any case: until then
    nothing that is compacted is removed.
    """

    def __init__(self, config: NodeConfig, state: Store, snapshot: Snapshot) -> None:
        configuration = snapshot.configuration
        assert configuration is not None, "whoever has a state has voters"
        self._manifest = Manifest(
            cluster=config.cluster,
            cluster_uuid=configuration.cluster_uuid,
            name=config.name,
            voters=tuple(sorted({seat.name for seat in configuration.voters})),
            index=snapshot.index,
            term=snapshot.term,
            revision=state.revision,
            compacted=state.compacted,
            size_bytes=state.size_bytes,
            made_ms=0,
            version=config.version,
        )
        self._writer = SnapshotWriter(state)

    @property
    def manifest(self) -> Manifest:
        """Without ``made_ms``: a node does not know what time people have."""
        return self._manifest

    def chunk(self) -> bytes | None:
        """The next piece, within a few milliseconds; None after the last."""
        return self._writer.chunk()

    def close(self) -> None:
        """Let the state go; idempotent."""
        self._writer.close()
