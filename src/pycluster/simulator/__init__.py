"""The simulator: whole clusters of the production nodes on a virtual clock, network and disk, each from one seed."""

from pycluster.simulator.cluster import Cluster, formed
from pycluster.simulator.episode import Verdict, play

__all__ = ["Cluster", "Verdict", "formed", "play"]
