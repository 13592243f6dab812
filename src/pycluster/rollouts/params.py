"""The parameters of rollouts."""

from __future__ import annotations

import msgspec


class Params(msgspec.Struct, frozen=True):
    """Pace and bounds.

    ``gap_ms`` (ms): between a change and the plan it leads to: many nodes report together.

    ``together`` (nodes): released in one transaction, which has 128 operations.

    ``entry_max_bytes`` (bytes): an entry that is rolled out, as it stands in the state; the end writes three of them in
    one request, and the run.

    ``runs_kept`` (rollouts): that are over, of all entries.

    ``staged_ms`` (ms): after the end, until what nodes watched for it is deleted; they have heard of the end by then.

    ``lanes_kept`` (nodes): of whom a finished rollout keeps how they stood; one value of the state holds them.
    """

    gap_ms: int = 50
    together: int = 50
    entry_max_bytes: int = 300_000
    runs_kept: int = 100
    staged_ms: int = 60_000
    lanes_kept: int = 4_000
