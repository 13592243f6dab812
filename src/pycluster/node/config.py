"""What a node is told at birth."""

from __future__ import annotations

import msgspec

from pycluster import consensus, membership
from pycluster.kernel.ids import Address, Seed


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
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} = {value} must lie in {least} to {most}")


class NodeConfig(msgspec.Struct, frozen=True):
    """Who this node is, whom it looks for, and every core's parameters. ``address`` is the advertised one."""

    cluster: str
    name: str
    address: Address
    seeds: tuple[Seed, ...]
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
