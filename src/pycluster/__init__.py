"""PyCluster: a lightweight distributed cluster manager."""

__version__ = "0.1.0"
