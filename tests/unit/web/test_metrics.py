"""``/metrics`` as Prometheus reads it."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.unit.web.fake import Agent

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"


def scrape(agent: Agent) -> dict[tuple[str, str], float]:
    answer = agent.ask("GET", "/metrics")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return {
        (sample.name, ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def test_the_figures_of_the_status(tmp_path: Path) -> None:
    with Agent(tmp_path) as agent:
        found = scrape(agent)
        again = scrape(agent)
    uuid = "a" * 32
    assert found["pycluster_info", f"cluster=test,node=node001,uuid={uuid},version=0.1.0"] == 1
    assert found["pycluster_uptime_seconds", ""] == 60
    assert found["pycluster_members", "state=alive"] == 1
    assert found["pycluster_members", "state=down"] == 0
    assert found["pycluster_controller_problem", "controller=config-history"] == 1
    assert found["pycluster_controller_plans_total", "controller=config-history"] == 3
    assert found["pycluster_member_rtt_seconds", "member=node002"] == 0.00025
    assert found["pycluster_member_last_seen_seconds", "member=node002"] == 1.5
    assert ("pycluster_member_last_seen_seconds", "member=node001") not in found
    assert (
        found["pycluster_leader_known", ""]
        == found["pycluster_leader_is_local", ""]
        == found["pycluster_acting", ""]
        == 1
    )
    assert found["pycluster_lease_remaining_seconds", ""] == 0.4
    assert (found["pycluster_term", ""], found["pycluster_commit_index", ""]) == (3, 9)
    assert (found["pycluster_voters", ""], found["pycluster_voters_reachable", ""]) == (2, 2)
    assert found["pycluster_local_health_score", ""] == 0
    assert found["pycluster_datagrams_sent_total", ""] == 7
    assert found["pycluster_frames_rejected_total", ""] == 1
    assert found["process_resident_memory_bytes", ""] > 0
    assert found["process_open_fds", ""] > 0
    assert set(again) == set(found)


def test_every_metric_is_in_the_reference(tmp_path: Path) -> None:
    text = REFERENCE.read_text()
    with Agent(tmp_path) as agent:
        names = {name for name, _ in scrape(agent)} - {
            "pycluster_datagrams_sent_total",
            "pycluster_frames_rejected_total",
        }
    assert {name for name in names if f"`{name}" not in text} == set()
