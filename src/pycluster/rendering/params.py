"""The pace and bounds of rendered files."""

from __future__ import annotations

import msgspec


class Params(msgspec.Struct, frozen=True):
    """``gap_ms`` (ms): between a change and the plan it leads to, so that many changes make one file.

    ``retry_min_ms``, ``retry_max_ms`` (ms): after a failure, doubled with each further one: what a check or a reload
    depends on may change without a word.

    ``render_timeout_ms`` (ms): a batch of templates; one that takes long costs at most ten seconds.

    ``input_max_bytes`` (bytes): keys and values that a batch may see; they are handed to a child. A template that alone
    may see more is not rendered.
    """

    gap_ms: int = 50
    retry_min_ms: int = 1_000
    retry_max_ms: int = 300_000
    render_timeout_ms: int = 60_000
    input_max_bytes: int = 64 * 1024 * 1024
