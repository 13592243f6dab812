"""The parameters of configuration entries."""

from __future__ import annotations

import msgspec

from pycluster.kernel.errors import LocalMisuse


class Params(msgspec.Struct, frozen=True):
    """Bounds of entries and how long their history is kept. Whoever takes a change decides by its own; keep them equal.

    ``content_max_bytes`` (bytes, 1 to 524,288): one entry; it is written twice, now and as history, in one request to
    the state.

    ``batch_max`` (entries, 1 to 40): changed together, in one transaction of the state, which has 128 operations.

    ``history_versions`` (versions, 0 to 10,000): kept of one entry besides the current one.

    ``history_days`` (days, 0 to 36,500): a version that was superseded longer ago is forgotten; 0: only the count
    decides.

    ``judged_max_bytes`` (bytes, 65,536 to 64 MiB): what one check may have to read: a schema is checked with every
    entry that it is for.
    """

    content_max_bytes: int = 262_144
    batch_max: int = 32
    history_versions: int = 50
    history_days: int = 365
    judged_max_bytes: int = 16 * 1024 * 1024

    def __post_init__(self) -> None:
        bounds = {
            "content_max_bytes": (1, 524_288),
            "batch_max": (1, 40),
            "history_versions": (0, 10_000),
            "history_days": (0, 36_500),
            "judged_max_bytes": (65_536, 64 * 1024 * 1024),
        }
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if not least <= value <= most:
                why = f"{name} = {value} must lie in {least} to {most}"
                raise LocalMisuse("these parameters of the configuration are not possible", why=why, remedy="change it")
