"""Rollouts: a new version of an entry brought to some nodes at a time, and back where it fails."""

from pycluster.rollouts.lanes import Field, files_of, lanes
from pycluster.rollouts.model import (
    OVER,
    FileReport,
    Lane,
    LaneState,
    Release,
    Report,
    Run,
    Staged,
    State,
    Strategy,
    packed,
    unpacked,
)
from pycluster.rollouts.names import node_key, of_release, release_key, releases_of, run_key, staged_key, staged_of
from pycluster.rollouts.params import Params
from pycluster.rollouts.plan import Rolling
from pycluster.rollouts.rollouts import NotPossible, Rollouts
from pycluster.rollouts.telling import TELL, Board
from pycluster.rollouts.views import (
    NodeFiles,
    NodesQuery,
    NodesView,
    RolloutQuery,
    RolloutRequest,
    RolloutsQuery,
    RolloutsView,
    RolloutView,
    StartedView,
    Steer,
    SteerRequest,
)

__all__ = [
    "OVER",
    "TELL",
    "Board",
    "Field",
    "FileReport",
    "Lane",
    "LaneState",
    "NodeFiles",
    "NodesQuery",
    "NodesView",
    "NotPossible",
    "Params",
    "Release",
    "Report",
    "Rolling",
    "RolloutQuery",
    "RolloutRequest",
    "RolloutView",
    "Rollouts",
    "RolloutsQuery",
    "RolloutsView",
    "Run",
    "Staged",
    "StartedView",
    "State",
    "Steer",
    "SteerRequest",
    "Strategy",
    "files_of",
    "lanes",
    "node_key",
    "of_release",
    "packed",
    "release_key",
    "releases_of",
    "run_key",
    "staged_key",
    "staged_of",
    "unpacked",
]
