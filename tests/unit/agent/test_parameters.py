"""The cores' parameters from the settings' text."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycluster import consensus, membership
from pycluster.agent.parameters import build, judge, parameters
from pycluster.settings import Loaded, Settings, SettingsError, Source, load


def test_parameters_that_fit_only_together_are_taken() -> None:
    params, problems = build(consensus.Params, "consensus", {"lease_ms": "2000", "election_timeout_ms": "3000"})
    assert problems == []
    assert (params.lease_ms, params.election_timeout_ms) == (2_000, 3_000)
    assert build(membership.Params, "membership", {"probe_interval_ms": "400", "ack_timeout_ms": "200"})[1] == []


def test_parameters_that_do_not_fit_are_a_problem_with_its_reason() -> None:
    params, problems = build(consensus.Params, "consensus", {"lease_ms": "2000"})
    assert params == consensus.Params()
    (said,) = problems
    assert said.startswith("[consensus] lease_ms = 2000 must be below 0.9 x election_timeout_ms = 1000")
    (said,) = build(membership.Params, "membership", {"probe_interval_ms": "40"})[1]
    assert said == "[membership] probe_interval_ms = 40 must lie in 100 to 60000"


def test_unknown_names_and_wrong_kinds_come_all_at_once() -> None:
    problems = build(consensus.Params, "consensus", {"leasems": "1", "rank_step_ms": "x", "held_max": "1.5"})[1]
    assert problems[0] == "[consensus] leasems: no such parameter; did you mean lease_ms?"
    assert problems[1:] == [
        "[consensus] rank_step_ms = x: it is no whole number",
        "[consensus] held_max = 1.5: it is no whole number",
    ]


def test_the_configurations_parameters_are_judged_with_the_others() -> None:
    raw = {"config": {"history_days": "-1", "histroy_versions": "3"}, "state": {"retry_ms": "x"}}
    problems = judge(raw, {"config.history_days": Source("file", "cluster.conf:3")})
    assert [problem.partition("[")[2].partition("]")[0] for problem in problems] == ["state", "config"]
    assert "did you mean history_versions?" in problems[1]
    (problem,) = judge({"config": {"history_days": "-1"}}, {"config.history_days": Source("file", "cluster.conf:3")})
    assert problem == "cluster.conf:3: [config] history_days = -1 must lie in 0 to 36500"


def test_tags_that_membership_would_not_take_are_a_mistake_with_its_place(tmp_path: Path) -> None:
    """``rack`` and ``r1`` take ten bytes, ``web`` and ``:80`` as many."""
    file = tmp_path / "cluster.conf"

    def said(most: int) -> str:
        text = f"[cluster]\nname = demo\n[node]\nweb = :80\n[tags]\nrack = r1\n[membership]\ntags_max_bytes = {most}\n"
        file.write_text(text + "tags_gossip_bytes = 10\n")
        try:
            load(str(file), {}, {}, "node001", judge)
        except SettingsError as error:
            return " ".join(error.problems)
        return ""

    assert said(20) == ""
    assert said(19) == f"{file}:8: [membership] tags_max_bytes = 19: this node's tags take 20 bytes"


def test_an_agent_does_not_start_with_them_either() -> None:
    settings = Settings(cluster="demo", name="n", tags={"rack": "r1"}, membership={"tags_max_bytes": "9"})
    with pytest.raises(SettingsError, match="this node's tags take 10 bytes"):
        parameters(Loaded(settings, "", (), {}))
