"""The reconciler's parameters."""

from __future__ import annotations

import msgspec

from pycluster.kernel.errors import LocalMisuse


class Params(msgspec.Struct, frozen=True):
    """Pace and bounds of every controller.

    ``gap_ms`` (ms, 1 to 60,000): between a change and the plan it leads to, so that many changes make one plan.

    ``catch_up_ms`` (ms, 1 to 60,000): how long a plan waits for the watch to show what the last one wrote; without it
    the next plan would repeat steps, which cost conflicts and nothing else.

    ``again_min_ms`` (ms, 1 to 3,600,000): a plan that wants to be made again at a time gets it this late at least.

    ``timeout_ms`` (ms, 100 to 60,000): one request to the state.

    ``backoff_min_ms``, ``backoff_max_ms`` (ms, 1 to 3,600,000): after a failure, doubled with each further one, spread
    over half of it at random, so that not every node tries at the same moment.

    ``steps_max`` (steps, 1 to 100,000): of one plan; a plan with more is a mistake and refused whole.

    ``keys_max`` (keys, 1 to 1,000,000): that one controller may see; they are kept in memory.

    ``page_keys`` (keys, 1 to 10,000): read at once when a controller begins.
    """

    gap_ms: int = 50
    catch_up_ms: int = 1_000
    again_min_ms: int = 1_000
    timeout_ms: int = 5_000
    backoff_min_ms: int = 250
    backoff_max_ms: int = 60_000
    steps_max: int = 10_000
    keys_max: int = 100_000
    page_keys: int = 500

    def __post_init__(self) -> None:
        bounds = {
            "gap_ms": (1, 60_000),
            "catch_up_ms": (1, 60_000),
            "again_min_ms": (1, 3_600_000),
            "timeout_ms": (100, 60_000),
            "backoff_min_ms": (1, 3_600_000),
            "backoff_max_ms": (self.backoff_min_ms, 3_600_000),
            "steps_max": (1, 100_000),
            "keys_max": (1, 1_000_000),
            "page_keys": (1, 10_000),
        }
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if not least <= value <= most:
                why = f"{name} = {value} must lie in {least} to {most}"
                raise LocalMisuse("this pace of controllers is not possible", why=why, remedy="change it")
