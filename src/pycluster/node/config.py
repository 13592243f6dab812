"""What a node is told at birth."""

from __future__ import annotations

import msgspec

from pycluster import consensus, membership, store
from pycluster.kernel.ids import Address, Seed
from pycluster.membership import Local
from pycluster.wire import PROTOCOL_MAX, PROTOCOL_MIN


class Params(msgspec.Struct, frozen=True):
    """The composition's own parameters.

    ``claim_ttl_ms`` (ms, 2,000 to 60,000): how long a non-voter believes in a leader that no voter vouches for
    anew. Gossip refreshes the vouching within a few probe periods; after half of this time a voter is asked.

    ``query_timeout_ms`` (ms, 100 to 10,000): how long a voter may take to say whom it follows.

    ``query_interval_ms`` (ms, 100 to 60,000): the pause between two such questions while no leader is known.

    ``refusal_interval_ms`` (ms, 1,000 to 3,600,000): one refusal, and one line about it, per peer in this time.

    ``refusal_peers`` (count, 1 to 100,000): how many strangers are remembered for that; more are counted and dropped.
    """

    claim_ttl_ms: int = 10_000
    query_timeout_ms: int = 1_000
    query_interval_ms: int = 1_000
    refusal_interval_ms: int = 60_000
    refusal_peers: int = 256

    def __post_init__(self) -> None:
        bounds = {
            "claim_ttl_ms": (2_000, 60_000),
            "query_timeout_ms": (100, 10_000),
            "query_interval_ms": (100, 60_000),
            "refusal_interval_ms": (1_000, 3_600_000),
            "refusal_peers": (1, 100_000),
        }
        _demand(self, bounds)


class StateParams(msgspec.Struct, frozen=True):
    """How one node keeps and offers the replicated state; nothing of it decides what the state is.

    ``max_bytes`` (bytes, 1 MiB to 2 GiB): keys and values kept, history included; the leader refuses a write past it
    until something is deleted and compacted.

    ``retry_ms`` (ms, 10 to 10,000): a request of the replicated state that nobody answers is passed on anew after
    this; one that was refused for the moment after a tenth of it.

    ``requests_max`` (requests, 1 to 1,000,000): requests that one node has under way, and that one replica
    answers at a time; one more is refused, retryably.

    ``watches_max`` (watches, 1 to 1,000,000): watches at one node.

    ``snapshot_min_bytes``, ``snapshot_max_bytes`` (bytes): the log is folded into a snapshot when it is a quarter as
    large as the state, but not before the first and never later than the second: a snapshot writes the whole state.

    ``history_revisions`` (revisions, 0: for ever): superseded values are kept for so many revisions; the leader has
    older ones forgotten. ``history_age_s`` (s, 0: for ever): or until they are that old, whichever comes first.

    ``slice_pause_ms`` (ms, 1 to 1,000): between two slices of work that may take long, so that nothing else waits.
    """

    max_bytes: int = 256 * 1024 * 1024
    retry_ms: int = 500
    requests_max: int = 10_000
    watches_max: int = 20_000
    snapshot_min_bytes: int = 8 * 1024 * 1024
    snapshot_max_bytes: int = 32 * 1024 * 1024
    history_revisions: int = 100_000
    history_age_s: int = 86_400
    slice_pause_ms: int = 5

    def __post_init__(self) -> None:
        bounds = {
            "max_bytes": (1 << 20, 1 << 31),
            "retry_ms": (10, 10_000),
            "requests_max": (1, 1_000_000),
            "watches_max": (1, 1_000_000),
            "snapshot_min_bytes": (1_024, 1 << 30),
            "snapshot_max_bytes": (self.snapshot_min_bytes, 1 << 30),
            "history_revisions": (0, 1 << 40),
            "history_age_s": (0, 1 << 32),
            "slice_pause_ms": (1, 1_000),
        }
        _demand(self, bounds)


def _demand(params: msgspec.Struct, bounds: dict[str, tuple[int, int]]) -> None:
    for name, (least, most) in bounds.items():
        value = getattr(params, name)
        if not least <= value <= most:
            raise ValueError(f"{name} = {value} must lie in {least} to {most}")


def with_kept(listed: tuple[Seed, ...], kept: tuple[Seed, ...]) -> tuple[Seed, ...]:
    """Whom to contact: the configured nodes, and those kept from an earlier life under other names."""
    names = {seed.name for seed in listed}
    return (*listed, *(seed for seed in kept if seed.name not in names))


class NodeConfig(msgspec.Struct, frozen=True):
    """Who this node is, whom it looks for, and every core's parameters. ``address`` is the advertised one.

    ``kept``: where the voters were when this node last ran, for those of them that ``seeds`` does not name.

    ``store``: the state's own bounds, which are the same on every voter of one version. ``protocol_max``: what the
    others are told that this node speaks.
    """

    cluster: str
    name: str
    address: Address
    seeds: tuple[Seed, ...]
    kept: tuple[Seed, ...] = ()
    join: tuple[tuple[str, int], ...] = ()
    region: str = ""
    zone: str = ""
    tags: dict[str, str] = {}
    version: str = ""
    boot_id: str = ""
    warnings: tuple[str, ...] = ()
    params: Params = Params()
    membership: membership.Params = membership.Params()
    consensus: consensus.Params = consensus.Params()
    state: StateParams = StateParams()
    store: store.Params = store.Params()
    protocol_max: int = PROTOCOL_MAX

    def local(self, uuid: str, incarnation: int) -> Local:
        """What membership tells the others of this node."""
        return Local(
            name=self.name,
            uuid=uuid,
            incarnation=incarnation,
            address=self.address,
            region=self.region,
            zone=self.zone,
            tags=self.tags,
            version=self.version,
            protocol_min=PROTOCOL_MIN,
            protocol_max=self.protocol_max,
        )
