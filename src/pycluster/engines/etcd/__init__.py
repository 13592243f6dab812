"""A real etcd holds the state: the ``StateStore`` port over the JSON gateway of etcd 3.4 and later."""

from pycluster.engines.etcd.access import Access
from pycluster.engines.etcd.engine import Etcd

__all__ = ["Access", "Etcd"]
