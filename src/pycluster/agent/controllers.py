"""What stands above the replicated state, made when it is first needed: most agents neither lead nor are asked."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from pycluster.agent.parameters import build
from pycluster.controllers import Act, Controller
from pycluster.node.events import FilePlaced, RolloutTold
from pycluster.node.ports import ClusterReads, StateStore
from pycluster.settings import Settings

#: In the data directory: this node reported what it has in place, so it has to say when it renders nothing any more.
REPORTED = "reported"
#: The name of the controller that reports.
REPORT = "config-report"
#: The name of the one that renders.
RENDERED = "rendered-files"


def configuration(settings: Settings, cluster: ClusterReads, state: StateStore) -> Callable[[], Any]:
    """What makes the door to the configuration's entries."""

    def make() -> Any:
        from pycluster.configs import Configs, Params
        from pycluster.runtime.judges import ChildJudge

        params = build(Params, "config", settings.config)[0]
        judges = ChildJudge(), ChildJudge.of_reads()
        return Configs(state, judges[0], lambda: time.time_ns() // 1_000_000, params, cluster.members, judges[1])

    return make


class Leading:
    """The controllers of whoever acts as leader, and who performs their acts; ``feed`` takes what is told."""

    def __init__(self, settings: Settings, feed: Callable[[RolloutTold], None]) -> None:
        self._settings = settings
        self._feed = feed
        self._board: Any = None

    def make(self) -> Sequence[Controller]:
        """They are made when they are needed."""
        from pycluster.configs import Keeping, Params
        from pycluster.rollouts import Board, Rolling

        params = build(Params, "config", self._settings.config)[0]
        self._board = Board()
        return (Keeping(params), Rolling(self._board, history=params.history_versions > 0))

    def actors(self) -> dict[str, Any]:
        """Who does what their plans' acts name."""
        return {"tell-rollouts": self._tell}

    async def _tell(self, act: Act) -> None:
        for told in self._board.told(act):
            self._feed(told)


async def _nothing() -> None:
    """Nothing is open."""


class Everywhere(msgspec.Struct, frozen=True):
    """What runs on this node whoever leads: its controllers, who performs their acts, the door to rendered files.

    ``listen``: to be called with who wants to hear that what is known of the files changed, and that somebody had one
    rendered. ``close`` ends what they keep running.
    """

    controllers: tuple[Controller, ...] = ()
    actors: dict[str, Any] = {}
    files: Any = None
    listen: Callable[[Callable[[], None], Callable[[], None]], None] = lambda changed, asked: None
    close: Callable[[], Awaitable[None]] = _nothing


def everywhere(
    settings: Settings,
    directory: str,
    environment: dict[str, str],
    cluster: ClusterReads,
    state: StateStore,
    feed: Callable[[FilePlaced], None],
) -> Everywhere:
    """An agent without templates imports nothing for them."""
    reports = os.path.join(directory, REPORTED)
    if not settings.templates and not os.path.exists(reports):
        return Everywhere()
    from pycluster.rendering import Rendering, Reporting, Shelf
    from pycluster.runtime.files import Files
    from pycluster.runtime.placing import Placing
    from pycluster.runtime.renders import ChildRenderer

    shelf = Shelf()
    placing = Placing(os.path.join(directory, "templates"), environment)
    render = ChildRenderer()
    files = Files(settings.templates, shelf, cluster, state, render, placing, feed)
    controllers: list[Controller] = []
    if settings.templates:
        controllers.append(Rendering(settings.templates, shelf, settings.name))
    if any(one.entry for one in settings.templates):
        with open(reports, "ab"):
            pass  # that it exists is all
    if os.path.exists(reports):
        controllers.append(Reporting(settings.templates, shelf, settings.name))
    door = files if settings.templates else None
    return Everywhere(tuple(controllers), files.actors(), door, files.listen, render.close)
