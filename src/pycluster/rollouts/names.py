"""The keys of rollouts."""

from __future__ import annotations

from pycluster.controllers import RESERVED

ROLLOUTS = RESERVED + b"rollout/"
STAGED = ROLLOUTS + b"staged/"
RUNS = ROLLOUTS + b"run/"
RELEASES = ROLLOUTS + b"release/"
NODES = ROLLOUTS + b"node/"


def above(prefix: bytes) -> bytes:
    """The end of the interval of all that begins so."""
    return prefix[:-1] + bytes((prefix[-1] + 1,))


def _of(name: str, version: int) -> bytes:
    return b"%b#%010d" % (name.encode(), version)


def staged_key(name: str, version: int) -> bytes:
    """Where both texts of a rollout stand."""
    return STAGED + _of(name, version)


def staged_of(path: str) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    """The intervals of all that is staged for an entry, and for what overrides it."""
    stem = STAGED + path.encode()
    return (stem + b"#", stem + b"$"), (stem + b"@", stem + b"A")


def run_key(name: str, version: int) -> bytes:
    """Where a rollout says how far it is."""
    return RUNS + _of(name, version)


def runs_of(name: str) -> tuple[bytes, bytes]:
    """The interval of an entry's rollouts."""
    return RUNS + name.encode() + b"#", RUNS + name.encode() + b"$"


def release_key(node: str, name: str, version: int) -> bytes:
    """Where it says that ``node`` may have that version."""
    return releases_of(node)[0] + _of(name, version)


def releases_of(node: str) -> tuple[bytes, bytes]:
    """The interval of all that is released for ``node``."""
    stem = RELEASES + node.encode()
    return stem + b"/", stem + b"0"


def node_key(node: str) -> bytes:
    """Where a node reports what it has in place."""
    return NODES + node.encode()


def of_key(key: bytes) -> tuple[str, int]:
    """The entry's name and the version of a run or of what is staged; raises ``ValueError`` for a foreign key."""
    stem = STAGED if key.startswith(STAGED) else RUNS
    name, mark, version = key.removeprefix(stem).decode().rpartition("#")
    if not mark:
        raise ValueError(f"{key!r} is no key of a rollout")
    return name, int(version)


def of_release(key: bytes) -> tuple[str, str, int]:
    """The node, the entry's name and the version of a release; raises ``ValueError`` for a foreign key."""
    node, _, rest = key.removeprefix(RELEASES).decode().partition("/")
    name, mark, version = rest.rpartition("#")
    if not mark:
        raise ValueError(f"{key!r} is no key of a rollout")
    return node, name, int(version)
