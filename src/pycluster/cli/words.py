"""Ages, states and roles in the words and colours of the tables."""

from __future__ import annotations

from pycluster.cli.output import Cell
from pycluster.kernel.units import MILLISECOND, age_text
from pycluster.node.view import MemberView

_STATES = {"alive": "green", "suspect": "yellow", "down": "red", "left": "dim", "unknown": "dim"}
_HEALTH = {"passing": "green", "warning": "yellow", "critical": "red"}


def age(milliseconds: int | None) -> str:
    """An age in milliseconds, or ``never``."""
    return "never" if milliseconds is None else age_text(milliseconds * MILLISECOND)


def span(begun_us: int, ended_us: int) -> str:
    """The time between two instants in microseconds."""
    return age_text(ended_us - begun_us)


def last_seen(member: MemberView) -> str:
    """The age of the newest direct proof of life."""
    return "here" if member.local else age(member.last_seen_ms)


def round_trip(member: MemberView) -> str:
    """The smoothed round-trip time, or nothing."""
    return "" if member.rtt_ms is None else f"{member.rtt_ms:.2f} ms"


def state(member: MemberView) -> Cell:
    """A member's state."""
    return member.state, _STATES[member.state]


def role(member: MemberView) -> Cell:
    """A member's role in the origin's word."""
    return member.role, "cyan" if member.role == "leader" else ""


def health(status: str) -> Cell:
    """How well an agent is."""
    return status, _HEALTH.get(status, "")


def yes(value: bool) -> str:
    """``yes`` or ``no``."""
    return "yes" if value else "no"


def tags(given: dict[str, str]) -> str:
    """``key=value`` with commas."""
    return ",".join(f"{key}={value}" for key, value in sorted(given.items()))
