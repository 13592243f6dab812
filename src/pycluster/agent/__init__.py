"""The agent: the only place where the adapters meet."""

from pycluster.agent.assemble import SOCKET_NAME, data_directory, node_config
from pycluster.agent.life import run
from pycluster.agent.parameters import judge

__all__ = ["SOCKET_NAME", "data_directory", "judge", "node_config", "run"]
