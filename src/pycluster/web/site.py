"""The web application, promised: built, and the framework imported, when it is called."""

from __future__ import annotations

from collections.abc import Callable

from pycluster.node.ports import Cluster, StateStore
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
) -> Callable[[], WebApp]:
    """A factory for ``LazyServer``; ``protocol`` is the range of wire protocols that ``/api/v1/version`` reports,
    ``state`` the replicated state where the agent has one.
    """

    def build() -> WebApp:
        from pycluster.web.app import make_app

        return make_app(cluster, access, protocol=protocol, bounds=bounds or Bounds(), state=state)

    return build
