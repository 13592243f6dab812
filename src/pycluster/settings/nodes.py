"""``[nodes]``: whom everyone contacts and who votes, and what follows from the list for those who run the cluster."""

from __future__ import annotations

import msgspec

from pycluster.kernel.ids import Seed
from pycluster.kernel.limits import MEMBERS_MAX, VOTERS_MAX
from pycluster.settings import values
from pycluster.settings.document import Given
from pycluster.settings.findings import Findings, Place

#: Names that a warning spells out.
_NAMES_SHOWN = 10


def seeds(given: dict[str, Given], default_port: int, place: Place, findings: Findings) -> tuple[Seed, ...]:
    """The listed nodes, in the file's order; ``place`` is the list's. Two at one address are told: one is a slip."""
    found: list[Seed] = []
    at: dict[values.Endpoint, str] = {}
    if len(given) > MEMBERS_MAX:
        findings.mistake(place, f"{len(given)} nodes are listed, {MEMBERS_MAX} are allowed")
    for name, one in given.items():
        wrong = False
        try:
            values.name(name)
        except ValueError as error:
            findings.mistake(one.place, str(error))
            wrong = True
        try:
            host, port = values.endpoint(one.text)
        except ValueError as error:
            findings.mistake(one.place, str(error))
            continue
        if wrong:
            continue
        seed = Seed(name, host, port or default_port)
        first = at.setdefault((seed.host.lower(), seed.port), name)
        if first != name:
            findings.warn(one.place, f"has the same address as {first}")
        found.append(seed)
    return tuple(found)


class Consequences(msgspec.Struct, frozen=True):
    """What there is to think about: the listed names, this node's, the name that the list has for this machine's
    full host name (or none), and whether this node joins a cluster by ``-join``."""

    listed: tuple[str, ...]
    name: str
    known_as: str
    joins: bool


def warn_of_consequences(about: Consequences, place: Place, findings: Findings) -> None:
    """Tell what an operator may not expect of this list: who cannot vote, and which failures stop the leadership."""
    voters = sorted(about.listed)
    if not voters:
        findings.warn(place, _nobody(about.joins))
        return
    if about.name not in voters:
        text = f"{about.name} is not among {_few(voters)}: it follows the leader, but never votes and never leads"
        if about.known_as:
            findings.warn(place, f"{text}; did you mean -name {about.known_as}?")
        else:
            findings.warn(place, text, about.name, voters, "-name ")
    remedy = "three nodes tolerate the failure of one"
    if len(voters) == 1:
        text = f"one node is listed: {voters[0]} leads alone, and while it is down nobody leads; {remedy}"
        findings.warn(place, text)
    if len(voters) == 2:
        text = "two nodes are listed, and a majority of two is both: nobody leads while either is down or cut off"
        findings.warn(place, f"{text}; {remedy}")
    if len(voters) > VOTERS_MAX:
        first = ", ".join(voters[:VOTERS_MAX])
        text = f"{len(voters)} nodes are listed, but only {VOTERS_MAX} vote, the first by name: {first}"
        findings.warn(place, f"{text}; these never vote and never lead: {_few(voters[VOTERS_MAX:])}")


def _nobody(joins: bool) -> str:
    if joins:
        return "no node is listed: this one never votes and never leads; it follows the leader of the cluster it joins"
    return "no node is listed: nobody votes, so nobody can lead; list the nodes, the same on all of them"


def _few(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
