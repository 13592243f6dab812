"""PyCluster: a lightweight distributed cluster manager."""

from pycluster.face import __getattr__

__version__ = "0.1.0"
