"""How verdicts on members come about: doubted first, in good time, and undone by the member's own word alone."""

from __future__ import annotations

import msgspec

from pycluster import membership
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node.effects import Effect, Publish
from pycluster.node.events import Event
from pycluster.simulator.checkers.checker import Checker, Violation
from pycluster.simulator.host import Host

#: Whoever handled something within this long (true µs) may have a word of its own under way.
_LATELY_US = 5 * SECOND
#: Of the longest suspicion, what one accuser alone must have waited at least: clocks drift.
_PATIENCE = 0.98


class _Doubt(msgspec.Struct):
    """Since when (observer's clock, µs) it doubts that life, in which incarnation, and whether it has condemned it.

    ``superseded``: the name went to another identity since.
    """

    name: str
    since_us: int
    incarnation: int
    down: bool = False
    superseded: bool = False


#: The observer's label and life, and the UUID of whom it judges.
_Key = tuple[str, int, str]


class Verdicts(Checker):
    """SWIM §4.2 and Lifeguard §IV-B, from what each node tells its subscribers."""

    def __init__(self, params: membership.Params | None = None) -> None:
        #: By process: whom it suspects.
        self._open: dict[tuple[str, int], list[_Key]] = {}
        params = params or membership.Params()
        longest_ms = params.suspicion_alpha * params.suspicion_beta * params.probe_interval_ms
        self._alone_us = int(longest_ms * MILLISECOND * _PATIENCE)
        self._keep_us = params.down_keep_ms * MILLISECOND
        self._doubts: dict[_Key, _Doubt] = {}
        #: When each identity last handled anything, true µs.
        self._lived_us: dict[str, int] = {}

    def published(self, host: Host, effect: Publish, now_us: int) -> None:
        event = effect.event
        uuid = str(event.fields.get("uuid", ""))
        key = (host.label, host.life, uuid)
        if event.kind == "member-up":
            for other, doubt in self._doubts.items():
                if other[:2] == key[:2] and other[2] != uuid and doubt.name == event.node:
                    doubt.superseded = True
        match event.kind:
            case "member-suspect":
                self._suspected(key, host, event.node, now_us)
            case "member-down" if "as" not in str(event.fields.get("detail", "")).split():
                self._condemned(key, host, event.node, str(event.fields.get("detail", "")), now_us)
            case "member-up" | "member-refuted" if key in self._doubts:
                doubt = self._doubts.pop(key)
                now = _incarnation(host, event.node, uuid, now_us)
                if doubt.superseded:
                    # It may take its name back in the incarnation in which it lost it, for nobody told it; by its own
                    # word alone.
                    if now_us - self._lived_us.get(uuid, -_LATELY_US) >= _LATELY_US:
                        raise Violation("its own word alone", f"{host.label}: {event.text}; it is not there any more")
                elif now is not None and now <= doubt.incarnation:
                    raise Violation(
                        "its own word alone",
                        f"{host.label}: {event.text}; it was {'down' if doubt.down else 'suspect'} in incarnation"
                        f" {doubt.incarnation} and is alive in {now}",
                    )
            case "member-forgotten" if key in self._doubts:
                # What was down for so long may be met again as if for the first time.
                if host.clock.local(now_us) - self._doubts[key].since_us >= self._keep_us:
                    del self._doubts[key]
            case _:
                pass

    def handled(self, host: Host, event: Event, effects: list[Effect], now_us: int) -> None:
        self._lived_us[host.disk.uuid] = now_us
        suspects = self._open.get((host.label, host.life))
        for key in list(suspects) if suspects else ():
            doubt = self._doubts.get(key)
            if doubt is None or doubt.down or doubt.superseded:
                self._open[host.label, host.life].remove(key)
                continue
            assert host.process is not None
            member = host.process.member(doubt.name, host.clock.local(now_us))
            if member is None or member.uuid != key[2] or member.state != "alive":
                continue
            if member.incarnation <= doubt.incarnation:
                raise Violation("its own word alone", f"{host.label} takes {doubt.name} for alive, on others' word")

    def _suspected(self, key: _Key, host: Host, name: str, now_us: int) -> None:
        incarnation = _incarnation(host, name, key[2], now_us)
        before = self._doubts.get(key)
        if before is not None and before.superseded:
            before = None
        if before is not None and incarnation is not None and incarnation <= before.incarnation:
            raise Violation(
                "its own word alone",
                f"{host.label} suspects {name} again in incarnation {incarnation}: who cleared it?",
            )
        if incarnation is not None:
            self._doubts[key] = _Doubt(name, host.clock.local(now_us), incarnation)
            suspects = self._open.setdefault((host.label, host.life), [])
            if key not in suspects:
                suspects.append(key)

    def _condemned(self, key: _Key, host: Host, name: str, detail: str, now_us: int) -> None:
        doubt = self._doubts.get(key)
        if doubt is None or doubt.down:
            raise Violation(
                "doubted before condemned", f"{host.label} convicts {name}, whom it did not suspect: {detail}"
            )
        waited_us = host.clock.local(now_us) - doubt.since_us
        if detail.startswith("unverified") and waited_us < self._alone_us and _others(host, now_us) > 1:
            raise Violation("one accuser waits", f"{host.label} convicts {name} after {waited_us // 1000} ms: {detail}")
        accusers = detail.partition("accused by ")[2].split(", ")
        if len(accusers) != len(set(accusers)):
            raise Violation("one accuser counts once", f"{host.label} convicts {name}: {detail}")
        doubt.down = True
        doubt.incarnation = max(doubt.incarnation, _incarnation(host, name, key[2], now_us) or 0)


def _incarnation(host: Host, name: str, uuid: str, now_us: int) -> int | None:
    """What the process holds of that life now; None where another has the name already."""
    assert host.process is not None
    member = host.process.member(name, host.clock.local(now_us))
    return member.incarnation if member is not None and member.uuid == uuid else None


def _others(host: Host, now_us: int) -> int:
    assert host.process is not None
    views = host.process.members(host.clock.local(now_us))
    return sum(member.state in ("alive", "suspect") and not member.local for member in views)
