"""``[tags]``, ``PYCLUSTER_TAGS`` and ``-tag``: merged key by key, the stronger source winning each; and the tags that
an agent has of itself.
"""

from __future__ import annotations

import ipaddress

from pycluster.kernel.ids import Address, is_numeric
from pycluster.kernel.limits import TAGS_GOSSIP_MAX_BYTES, TAGS_MAX
from pycluster.settings import values
from pycluster.settings.document import Given
from pycluster.settings.findings import AFTERWARDS, Findings, Place
from pycluster.settings.model import Settings, Source

#: Tells the others what holds the state; without it the agents do.
ENGINE_TAG = "state-engine"
#: What a tag costs in gossip besides its text, in bytes.
_OVERHEAD_BYTES = 4
_ALL = Place("tags", Source("default"), AFTERWARDS)


def tags(section: dict[str, Given], pairs: list[Given], findings: Findings) -> tuple[dict[str, str], dict[str, Source]]:
    """``(tags, source of each)``. ``pairs`` are ``key=value`` texts, the weaker first."""
    found: dict[str, str] = {}
    sources: dict[str, Source] = {}
    for key, given in section.items():
        try:
            found[values.name(key)] = values.plain(given.text)
            sources[key] = given.place.source
        except ValueError as error:
            findings.mistake(given.place, str(error))
    for given in pairs:
        try:
            key, value = values.tag(given.text)
        except ValueError as error:
            findings.mistake(given.place, str(error))
            continue
        found[key] = value
        sources[key] = given.place.source
    size = sum(len(key.encode()) + len(value.encode()) + _OVERHEAD_BYTES for key, value in found.items())
    if len(found) > TAGS_MAX:
        findings.mistake(_ALL, f"there are {len(found)}, {TAGS_MAX} are allowed")
    if size > TAGS_GOSSIP_MAX_BYTES:
        findings.mistake(_ALL, f"they take {size} bytes in gossip, {TAGS_GOSSIP_MAX_BYTES} are allowed")
    return found, sources


def tags_of(settings: Settings) -> dict[str, str]:
    """The node's tags: those of the settings, what else than the agents holds the state, and where its page and API
    are, which others give out as its client URL.

    Where it listens everywhere only the port is said: it is reached where the node is.
    """
    kept = {ENGINE_TAG: settings.state_engine} if settings.state_engine != "embedded" else {}
    if settings.web is None:
        return {**kept, **settings.tags}
    host, port = settings.web
    anywhere = not host or (is_numeric(host) and ipaddress.ip_address(host).is_unspecified)
    return {**kept, "web": f":{port}" if anywhere else str(Address(host, port)), **settings.tags}


def judge_tags(settings: Settings, findings: Findings) -> None:
    """Those of itself count: membership takes no more with them than without."""
    whole = tags_of(settings)
    if len(whole) > TAGS_MAX:
        own = ", ".join(sorted(whole.keys() - settings.tags.keys()))
        findings.mistake(_ALL, f"there are {len(whole)} with this agent's own ({own}), {TAGS_MAX} are allowed")
