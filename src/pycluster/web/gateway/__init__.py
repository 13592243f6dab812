"""etcd's v3 JSON gateway over the replicated state."""

from pycluster.web.gateway.answers import ETCD_VERSION, Peer
from pycluster.web.gateway.gateway import Gateway, Members

__all__ = ["ETCD_VERSION", "Gateway", "Members", "Peer"]
