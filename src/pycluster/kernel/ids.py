"""Names, addresses and identities.

A node's *name* is its ID in the origin's sense: elections compare it as a string. Its *UUID* tells two machines that
were given the same name apart, and a machine from its own past life without the disk. Addresses are attributes.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from functools import lru_cache
from random import Random

import msgspec

from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.limits import NAME_MAX_LENGTH

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
#: Characters of the longest IPv6 address with a zone, and more.
_HOST_MAX_LENGTH = 80
#: Names and hosts that are remembered as read: every member of a large cluster, which comes up again and again.
_REMEMBERED = 16_384


class Address(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Where a node is reached: a numeric IPv4 or IPv6 host and one port for UDP and TCP alike."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def usable(self) -> bool:
        """Whether something can be sent there; an address that came over the wire may be anything."""
        return 0 < self.port < 65_536 and is_numeric(self.host)


class Seed(msgspec.Struct, frozen=True, order=True):
    """One line of ``[nodes]``: a node's name and where to look for it. ``host`` may be a DNS name."""

    name: str
    host: str
    port: int

    @property
    def display_host(self) -> str:
        """The word the status block prints: the configured DNS name, or the node's name where the host is a number."""
        return self.name if is_numeric(self.host) else self.host


class Identity(msgspec.Struct, frozen=True):
    """What a data directory remembers of its node between two lives."""

    name: str
    uuid: str
    incarnation: int = 0


def is_numeric(host: str) -> bool:
    """Whether ``host`` is an IP address rather than a DNS name."""
    return len(host) <= _HOST_MAX_LENGTH and _reads_as_ip(host)


@lru_cache(maxsize=_REMEMBERED)
def _reads_as_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_name(text: str) -> bool:
    """Whether ``text`` can be a node's name."""
    return len(text) <= NAME_MAX_LENGTH and _reads_as_name(text)


@lru_cache(maxsize=_REMEMBERED)
def _reads_as_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def check_name(name: str) -> str:
    """Give ``name`` back when it can be a node's name; raise ``LocalMisuse`` with the rule otherwise."""
    if not is_name(name):
        raise LocalMisuse(
            f"{name!r} cannot be a node's name",
            why=f"a name has 1 to {NAME_MAX_LENGTH} letters, digits, dots, dashes or underscores"
            " and begins and ends with a letter or digit",
            remedy="choose another name with -name",
        )
    return name


def new_uuid(rng: Random) -> str:
    """A random 128-bit identity as 32 hexadecimal digits, drawn from ``rng`` (a CSPRNG outside the simulator)."""
    return f"{rng.getrandbits(128):032x}"


def fingerprint(cluster: str) -> bytes:
    """Eight bytes that stand for a cluster's name on the wire, so that two clusters on one network stay apart."""
    return hashlib.blake2b(cluster.encode(), digest_size=8, person=b"pycluster").digest()
