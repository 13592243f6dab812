"""Figures: promises kept and broken, the table, the drawing."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks.evidence.notebook import Round
from benchmarks.evidence.promises import Promise, percentile
from benchmarks.plot import drawn
from benchmarks.result import Part, Report, Result, Traffic, table

SVG = "{http://www.w3.org/2000/svg}"


def rounds(*values: float) -> list[Round]:
    return [Round("code", number, "now", 1.0, {"s": value}) for number, value in enumerate(values, 1)]


def result(system: str, parts: dict[str, Part], detected_s: list[float]) -> Result:
    return Result(
        system=system,
        agents=100,
        start_cpu_s=0.2,
        formed_cpu_s=0.3,
        formed_s=12.0,
        parts=parts,
        rss_mib=30.0,
        pss_mib=16.0,
        detected_s={"kill -9": detected_s},
        follows_s=[0.2, 0.3] if system == "PyCluster" else [],
        voters_follow_s=[],
        acts_s=[0.5, 0.4] if system == "PyCluster" else [],
        missed=[],
    )


REPORT = Report(
    at="2026-11-23",
    systems=["PyCluster 1", "Serf 0.8"],
    machine="Linux <x86>",
    cores=2,
    settle_s=15,
    window_s=30,
    rounds=3,
    results=[
        result("PyCluster", {"all": Part(100, 0.2, None), "leader": Part(1, 0.7, None)}, [0.5, 0.9, 0.7]),
        result("Serf", {"all": Part(100, 0.21, Traffic(270, 7))}, [9.0, 10.0, 12.0]),
    ],
)


@pytest.mark.parametrize(("percent", "value"), [(50, 10), (95, 19), (100, 20), (1, 1)])
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(percent: float, value: float) -> None:
    assert percentile(range(20, 0, -1), percent) == value


def test_a_promise_is_broken_where_a_bound_is_exceeded_and_not_where_it_is_reached() -> None:
    promise = Promise("s", median=2, p95=3, worst=3)
    assert promise.broken(rounds(1, 2, 3)) == []
    assert promise.broken(rounds(1, 2, 4)) == [
        "s: 95th percentile 4, promised at most 3",
        "s: worst 4, promised at most 3",
    ]
    assert Promise("s", worst=0).broken(rounds(0, 1)) == ["s: worst 1, promised at most 0"]


def test_a_promise_about_what_nobody_measured_is_not_broken() -> None:
    assert Promise("other", median=0).broken(rounds(1, 2)) == []


def test_the_table_has_a_column_for_each_system_and_says_what_was_not_measured() -> None:
    lines = table(REPORT.results).splitlines()
    assert lines[0].split("  ")[-1].strip() == "Serf, 100"
    row = next(line for line in lines if line.startswith("bytes/s, all"))
    assert row.split()[-4:] == ["277", "(270", "+", "7)"]
    assert " - " in row


def test_the_drawing_is_well_formed_and_shows_each_systems_bars_for_light_and_dark() -> None:
    text = drawn(REPORT)
    drawing = ElementTree.fromstring(text)
    classes = [rectangle.get("class") for rectangle in drawing.iter(f"{SVG}rect")]
    assert {"PyCluster", "Serf"} <= set(classes)
    assert "prefers-color-scheme: dark" in text
    shown = [element.text for element in drawing.iter(f"{SVG}text")]
    assert "0.70" in shown
    assert "PyCluster 1, Serf 0.8. 2026-11-23, 2 cores, Linux <x86>." in shown


def test_bars_of_a_panel_are_as_long_as_their_values() -> None:
    drawing = ElementTree.fromstring(drawn(REPORT))
    widths = {
        name: max(float(bar.get("width", 0)) for bar in drawing.iter(f"{SVG}rect") if bar.get("class") == name)
        for name in ("PyCluster", "Serf")
    }
    assert widths["PyCluster"] == widths["Serf"] > 100
