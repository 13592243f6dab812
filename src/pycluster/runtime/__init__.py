"""What performs a node's effects on a real machine: clock, sockets, disk, hooks; asyncio."""

from pycluster.runtime.children import Child
from pycluster.runtime.clock import boot_id, now_us
from pycluster.runtime.descriptors import raise_limit
from pycluster.runtime.disk import NodeDisk
from pycluster.runtime.driver import Driver
from pycluster.runtime.hooks import HookBook, Hooks
from pycluster.runtime.network import OpenPorts, PortNetwork
from pycluster.runtime.ports import Ending
from pycluster.runtime.reconciler import Reconciler
from pycluster.runtime.resolver import LookUp
from pycluster.runtime.worker import Worker, Workers

__all__ = [
    "Child",
    "Driver",
    "Ending",
    "HookBook",
    "Hooks",
    "LookUp",
    "NodeDisk",
    "OpenPorts",
    "PortNetwork",
    "Reconciler",
    "Worker",
    "Workers",
    "boot_id",
    "now_us",
    "raise_limit",
]
