"""``/metrics``, promised: the Prometheus library is imported by the first scrape, for most agents never see one."""

from __future__ import annotations

from collections.abc import Callable

from pycluster.node.ports import ClusterReads, StateReads


class Metrics:
    """The scrape of one node; ``streams`` and ``watches`` tell how many event streams and watches of keys are open."""

    def __init__(
        self, cluster: ClusterReads, streams: Callable[[], int], state: StateReads | None, watches: Callable[[], int]
    ) -> None:
        self._parts = cluster, streams, state, watches
        self._exposition: Callable[[], bytes] | None = None

    def scrape(self) -> tuple[bytes, str]:
        """The text and its media type."""
        from pycluster.web.collector import CONTENT_TYPE, exposition

        if self._exposition is None:
            self._exposition = exposition(*self._parts)
        return self._exposition(), CONTENT_TYPE
