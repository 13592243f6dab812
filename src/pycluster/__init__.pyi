"""What ``face`` offers, for type checkers."""

from pycluster.client import AgentFailed as AgentFailed
from pycluster.client import AgentUnreachable as AgentUnreachable
from pycluster.client import Ambiguous as Ambiguous
from pycluster.client import Compacted as Compacted
from pycluster.client import CompareFailed as CompareFailed
from pycluster.client import Denied as Denied
from pycluster.client import Lost as Lost
from pycluster.client import NoAgent as NoAgent
from pycluster.client import NoQuorum as NoQuorum
from pycluster.client import NotFound as NotFound
from pycluster.client import Rejected as Rejected
from pycluster.client import TimedOut as TimedOut
from pycluster.client import TooLarge as TooLarge
from pycluster.client.blocking import Election as Election
from pycluster.client.blocking import Lease as Lease
from pycluster.client.blocking import Lock as Lock
from pycluster.client.blocking import StateClient as StateClient
from pycluster.client.claims import AsyncElection as AsyncElection
from pycluster.client.claims import AsyncLock as AsyncLock
from pycluster.client.connecting import connect as connect
from pycluster.client.connecting import connect_async as connect_async
from pycluster.client.leasing import AsyncLease as AsyncLease
from pycluster.client.state import AsyncStateClient as AsyncStateClient
from pycluster.kernel.errors import PyClusterError as PyClusterError
from pycluster.store import Compare as Compare
from pycluster.store import DeleteRange as DeleteRange
from pycluster.store import Event as Event
from pycluster.store import KeyValue as KeyValue
from pycluster.store import Put as Put
from pycluster.store import Range as Range
from pycluster.store import Txn as Txn

__version__: str
