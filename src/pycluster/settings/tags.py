"""``[tags]``, ``PYCLUSTER_TAGS`` and ``-tag``: merged key by key, the stronger source winning each."""

from __future__ import annotations

from pycluster.kernel.limits import TAGS_GOSSIP_MAX_BYTES, TAGS_MAX
from pycluster.settings import values
from pycluster.settings.document import Given
from pycluster.settings.findings import AFTERWARDS, Findings, Place
from pycluster.settings.model import Source

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
