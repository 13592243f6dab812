"""The ``StateStore`` port over what holds the state: the replicated state that the agents keep themselves."""

from pycluster.engines.embedded import Embedded

__all__ = ["Embedded"]
