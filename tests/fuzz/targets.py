"""What is fuzzed: every place that reads bytes or text that somebody else wrote, one module each.

A module has ``seeds()``, valid inputs made by code, and ``run(data)``, which returns whatever the input and raises only
where the program broke a promise. It may have ``mutate(data, rng)``, a change that keeps the input's outer form.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from random import Random

import msgspec

#: Name -> what it reads. The module is ``tests.fuzz.NAME``.
TARGETS = {
    "wire": "frames, as datagrams and as TCP frames",
    "framing": "a TCP stream cut into frames",
    "node": "a whole node: datagrams, calls, posts, streams and time in any order",
    "conf": "cluster.conf",
    "storage": "the files of the data directory",
    "archive": "snapshot files whose hashes fit and whose contents do not",
    "http": "request heads and bodies of the HTTP interface",
    "gateway": "bodies of etcd's API: whole ones, and those that come in pieces",
    "etcd": "what an etcd that holds the state answers to an agent",
    "documents": "texts of configuration entries, edited and laid over each other",
    "answers": "what an agent answers to the client",
    "event_stream": "the client's event stream",
    "refusals": "the UDP socket's error queue",
    "addresses": "addresses as people type them",
}

Mutate = Callable[[bytes, Random], bytes]


class Target(msgspec.Struct, frozen=True):
    """One of them, imported."""

    name: str
    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    mutate: Mutate | None


def target(name: str) -> Target:
    """Import it."""
    module = importlib.import_module(f"tests.fuzz.{name}")
    seeds: Iterable[bytes] = module.seeds()
    return Target(name, module.run, tuple(dict.fromkeys(seeds)), getattr(module, "mutate", None))
