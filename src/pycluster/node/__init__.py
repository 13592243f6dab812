"""The composition of the cores into one node; its events, effects, and what others may read of it."""

from pycluster.node.config import NodeConfig, Params, StateParams
from pycluster.node.node import Node

__all__ = ["Node", "NodeConfig", "Params", "StateParams"]
