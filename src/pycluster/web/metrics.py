"""``/metrics``, promised: the Prometheus library is imported by the first scrape, for most agents never see one."""

from __future__ import annotations

from collections.abc import Callable

from pycluster.node.ports import ClusterReads


class Metrics:
    """The scrape of one node; ``streams`` tells how many event streams are open."""

    def __init__(self, cluster: ClusterReads, streams: Callable[[], int]) -> None:
        self._cluster = cluster
        self._streams = streams
        self._exposition: Callable[[], bytes] | None = None

    def scrape(self) -> tuple[bytes, str]:
        """The text and its media type."""
        from pycluster.web.collector import CONTENT_TYPE, exposition

        if self._exposition is None:
            self._exposition = exposition(self._cluster, self._streams)
        return self._exposition(), CONTENT_TYPE
