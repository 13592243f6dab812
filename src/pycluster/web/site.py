"""The web application, promised: built, and the framework imported, when it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pycluster.node.ports import Cluster, StateCopies, StateStore
from pycluster.web.asgi import WebApp
from pycluster.web.authorise import Access
from pycluster.web.bounds import Bounds


def site(
    cluster: Cluster,
    access: Access,
    *,
    protocol: tuple[int, int] = (1, 1),
    bounds: Bounds | None = None,
    state: StateStore | None = None,
    copies: StateCopies | None = None,
    configs: Callable[[], Any] | None = None,
    files: Any = None,
) -> Callable[[], WebApp]:
    """A factory for ``LazyServer``; ``protocol`` is the range of wire protocols that ``/api/v1/version`` reports.

    ``state``, ``copies``: the replicated state, None where the agent serves none; ``configs`` makes what keeps the
    configuration (``configs.Configs``), whose modules an agent that nobody asks does without; ``files``: its
    rendered files (``rendering.RenderedFiles``), None where it has none.
    """

    def build() -> WebApp:
        from pycluster.web.app import make_app

        made = configs() if configs is not None else None
        served = bounds or Bounds()
        parts = {"state": state, "copies": copies, "configs": made, "files": files}
        return make_app(cluster, access, protocol=protocol, bounds=served, **parts)

    return build
