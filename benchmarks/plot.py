"""The figures of ``make bench`` as one drawing for the docs: SVG, no library, readable on light and on dark."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from html import escape
from pathlib import Path

import msgspec

from benchmarks.deaths import HOWS
from benchmarks.result import Part, Report, Result

_WIDTH, _COLUMNS, _GAP, _MARGIN = 980, 2, 40, 20
_ROW, _HEAD, _LABEL, _VALUE = 19, 40, 150, 52
_STYLE = """
svg { font: 12px system-ui, sans-serif; color-scheme: light dark; }
text { fill: #1f2328; } .quiet { fill: #59636e; } .title { font-weight: 600; font-size: 13px; }
.PyCluster { fill: #1a7f64; } .Serf { fill: #9aa4ae; } .axis { stroke: #d1d9e0; } .paper { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .quiet { fill: #9198a1; } .PyCluster { fill: #3fb68b; } .Serf { fill: #6e7681; }
  .axis { stroke: #3d444d; } .paper { fill: #0d1117; }
}
"""


class Bar(msgspec.Struct, frozen=True):
    """One bar: the middle of what was measured, the greatest as a thin line, and whose it is."""

    label: str
    system: str
    middle: float
    most: float


class Panel(msgspec.Struct, frozen=True):
    """One question and its bars."""

    title: str
    bars: list[Bar]

    @property
    def height(self) -> int:
        """In pixels."""
        return _HEAD + _ROW * len(self.bars) + 16


def drawn(report: Report) -> str:
    """The SVG's text."""
    shown = [panel for panel in panels(report.results) if panel.bars]
    width = (_WIDTH - 2 * _MARGIN - _GAP * (_COLUMNS - 1)) // _COLUMNS
    body, heights = [], [66] * _COLUMNS
    for panel in shown:
        column = heights.index(min(heights))
        body += _panel(panel, _MARGIN + column * (width + _GAP), heights[column], width)
        heights[column] += panel.height
    height = max(heights) + 50
    caption = (
        f"{', '.join(report.systems)}. {report.at}, {report.cores} cores, {report.machine}.",
        f"Bars: the middle of {report.rounds} rounds; lines: up to the slowest. Idle over {report.window_s:g} s.",
    )
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="PyCluster'
        ' beside Serf: bars of processor time, bytes, memory and detection">',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
        f'<rect class="PyCluster" x="{_MARGIN}" y="20" width="14" height="12" rx="2"/>',
        f'<text x="{_MARGIN + 20}" y="30">PyCluster</text>',
        f'<rect class="Serf" x="{_MARGIN + 100}" y="20" width="14" height="12" rx="2"/>',
        f'<text x="{_MARGIN + 120}" y="30">Serf</text>',
        f'<text class="quiet" x="{_MARGIN + 170}" y="30">shorter is better everywhere</text>',
    ]
    foot = [
        f'<text class="quiet" x="{_MARGIN}" y="{height - 30 + 16 * number}">{escape(line)}</text>'
        for number, line in enumerate(caption)
    ]
    return "\n".join([*head, *body, *foot, "</svg>\n"])


def panels(results: list[Result]) -> list[Panel]:
    """What is drawn, in the order of reading."""
    taken = [Panel(f"{how}, until every survivor says down, s", _rounds(results, how)) for how in HOWS]
    led = [_bar(result, "", result.follows_s) for result in results if result.follows_s]
    return [
        *taken,
        Panel("leader killed, until all follow the next, s", led),
        Panel("processor time while idle, % of a core", _parts(results, lambda part: part.cpu_percent)),
        Panel("bytes sent per second, headers included", _parts(results, _bytes)),
        Panel("resident memory, MiB", [_bar(result, "", [result.rss_mib]) for result in results]),
        Panel("proportional memory, MiB", [_bar(result, "", [result.pss_mib]) for result in results]),
        Panel(
            "all know each other, s from the first start", [_bar(result, "", [result.formed_s]) for result in results]
        ),
        Panel("processor time to start, s an agent", [_bar(result, "", [result.start_cpu_s]) for result in results]),
    ]


def _bytes(part: Part) -> float:
    return part.sent.udp + part.sent.tcp if part.sent is not None else 0.0


def _rounds(results: list[Result], how: str) -> list[Bar]:
    return [_bar(result, "", values) for result in results if (values := result.detected_s.get(how))]


def _parts(results: list[Result], figure: Callable[[Part], float]) -> list[Bar]:
    return [
        _bar(result, kind, [figure(part)])
        for result in results
        for kind, part in result.parts.items()
        if (kind == "all") == (len(result.parts) == 1) and figure(part)
    ]


def _bar(result: Result, kind: str, values: list[float]) -> Bar:
    ordered = sorted(values)
    label = f"{result.agents} agents" + (f", {kind}" if kind not in ("", "all") else "")
    return Bar(label, result.system, ordered[len(ordered) // 2], ordered[-1])


def _panel(panel: Panel, left: int, top: int, width: int) -> list[str]:
    longest = max(bar.most for bar in panel.bars) or 1.0
    start, room = left + _LABEL, width - _LABEL - _VALUE
    lines = [f'<text class="title" x="{left}" y="{top + 16}">{escape(panel.title)}</text>']
    for number, bar in enumerate(panel.bars):
        y = top + _HEAD - 12 + _ROW * number
        middle, most = (max(round(room * value / longest, 1), 1.0) for value in (bar.middle, bar.most))
        lines += [
            f'<text class="quiet" x="{start - 8}" y="{y + 11}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{bar.system}" x="{start}" y="{y + 1}" width="{middle}" height="13" rx="2"/>',
            f'<rect class="{bar.system}" x="{start}" y="{y + 6.5}" width="{most}" height="2"/>',
            f'<text x="{start + most + 6}" y="{y + 11}">{_shown(bar.middle)}</text>',
        ]
    bottom = top + _HEAD - 12 + _ROW * len(panel.bars)
    lines.append(f'<line class="axis" x1="{start}" x2="{start}" y1="{top + _HEAD - 14}" y2="{bottom}"/>')
    return lines


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def main() -> None:
    """``python -m benchmarks.plot evidence/bench.json docs/bench.svg``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plot", description=drawn.__doc__)
    parser.add_argument("json", type=Path)
    parser.add_argument("svg", type=Path)
    given = parser.parse_args()
    given.svg.write_text(drawn(msgspec.json.decode(given.json.read_bytes(), type=Report)))


if __name__ == "__main__":
    main()
