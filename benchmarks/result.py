"""What ``make bench`` finds: figures of one system at one size, and the table that shows them."""

from __future__ import annotations

import msgspec

from benchmarks.deaths import HOWS
from benchmarks.fleet import spread


class Traffic(msgspec.Struct, frozen=True):
    """Bytes per second that one agent sends, IP headers included."""

    udp: float
    tcp: float


class Part(msgspec.Struct, frozen=True):
    """Agents of one kind while idle, means over them. ``cpu_percent`` of one core; ``sent`` is None if not counted."""

    agents: int
    cpu_percent: float
    sent: Traffic | None


class Result(msgspec.Struct):
    """One system at one size; seconds and MiB. ``parts``: agents, or voters, leader and non-voters."""

    system: str
    agents: int
    start_cpu_s: float
    formed_cpu_s: float
    formed_s: float
    parts: dict[str, Part]
    rss_mib: float
    pss_mib: float
    #: How it was taken away -> until the last survivor said down, each round.
    detected_s: dict[str, list[float]]
    #: Until every survivor follows the next leader, each round; until every surviving voter does; until that one acts.
    follows_s: list[float]
    voters_follow_s: list[float]
    acts_s: list[float]
    missed: list[str]


class Report(msgspec.Struct):
    """A run. ``at``: the day; ``systems``: names with versions, as they say themselves."""

    at: str
    systems: list[str]
    machine: str
    cores: int
    settle_s: float
    window_s: float
    rounds: int
    results: list[Result]


def table(results: list[Result]) -> str:
    """The results for people: a row a figure, a column a system and size."""
    columns = [{"": f"{result.system}, {result.agents}", **_column(result)} for result in results]
    names = list(dict.fromkeys(name for column in sorted(columns, key=len, reverse=True) for name in column))
    rows = [[name, *(column.get(name, "-") for column in columns)] for name in names]
    widths = [max(len(row[place]) for row in rows) for place in range(len(columns) + 1)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{result.system}, {result.agents}: {missed}" for result in results for missed in result.missed]
    return "\n".join(lines)


def _column(result: Result) -> dict[str, str]:
    column = {
        "start, CPU s an agent": f"{result.start_cpu_s:.2f}",
        "formed, CPU s an agent": f"{result.formed_cpu_s:.2f}",
        "formed s": f"{result.formed_s:.1f}",
    }
    for name, part in result.parts.items():
        column[f"idle CPU %, {name}"] = f"{part.cpu_percent:.2f}"
    for name, part in result.parts.items():
        if part.sent is not None:
            sent = part.sent
            column[f"bytes/s, {name} (UDP + TCP)"] = f"{sent.udp + sent.tcp:.0f} ({sent.udp:.0f} + {sent.tcp:.0f})"
    column |= {"RSS MiB": f"{result.rss_mib:.1f}", "PSS MiB": f"{result.pss_mib:.1f}"}
    for how in HOWS:
        column[f"{how}, all say down s"] = spread(result.detected_s.get(how, []))
    column["leader killed, all follow the next s"] = spread(result.follows_s, 2)
    column["leader killed, voters follow the next s"] = spread(result.voters_follow_s, 2)
    column["leader killed, the next acts s"] = spread(result.acts_s, 2)
    return column
