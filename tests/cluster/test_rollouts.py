"""Rollouts with real agents: stopped at the canary, steered by hand, probed, and brought on by whoever leads next."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.agents import fleet, wait_for
from tests.cluster.rendered import client_of
from tests.cluster.rolling import NAME, Fleet, play_bad, play_killed
from tests.cluster.test_configuration import said


def test_a_bad_version_stops_at_the_canary_and_nobody_else_sees_it(tmp_path: Path) -> None:
    assert play_bad(tmp_path, 4)["touched"] == 0


@pytest.mark.slow
def test_people_steer_it_a_probe_stops_it_and_who_was_down_gets_what_is_in_force(tmp_path: Path) -> None:
    cluster = Fleet(tmp_path, 4)
    one, two, _ = cluster.voters
    four = cluster.agents[3]
    with fleet(*cluster.agents), client_of(two) as client:
        cluster.formed()
        begun = cluster.roll(two, "version two\n", "canary=1,batch=1,soak=60m")
        assert begun.stdout == b"web.j2: version 2 is rolled out (over version 1)\n"
        wait_for("the canary soaks", lambda: client.rollouts.get(NAME).soak_until_ms or None)
        assert sorted(cluster.contents().values()) == ["version one\n"] * 3 + ["version two\n"]
        assert said(one, "config", "effective", "node001", NAME) == "version two\n"
        assert said(one, "config", "effective", "node002", NAME) == "version one\n"
        refused = cluster.voters[2].cli("config", "put", NAME, str(cluster.text))
        assert refused.returncode == 1
        assert b"version 2 of web.j2 is rolled out" in refused.stderr
        said(two, "config", "rollout", "pause", NAME, "-m", "lunch")
        assert "lunch" in said(one, "config", "rollout", "show", NAME)
        said(two, "config", "rollout", "resume", NAME)
        said(two, "config", "rollout", "abort", NAME, "-m", "not today", "-wait")
        assert set(cluster.contents().values()) == {"version one\n"}
        assert "not today" in said(two, "config", "history", NAME)
        one.wait_says("is aborted by ")

        deaf = cluster.roll(two, "deaf\n", "canary=1,timeout=25s", "-wait")
        assert deaf.returncode == 1
        assert b"node001: it is not in place after 25 s: exit code 1" in deaf.stdout
        assert set(cluster.contents().values()) == {"version one\n"}
        assert cluster.reloads("node001")[-2:] == ["deaf", "version one"]

        four.kill()
        wait_for("it is seen", lambda: "down" in said(two, "members", "-o", "json") or None)
        done = cluster.roll(two, "version six\n", "batch=50%,timeout=40s", "-wait")
        assert done.returncode == 0, done.stdout
        assert b"absent" in done.stdout
        assert cluster.files["node004"].read_text() == "version one\n"
        four.start()
        wait_for("it has it", lambda: cluster.files["node004"].read_text() == "version six\n" or None)
        wait_for("it says so", lambda: cluster.reported(client, 6) or None)
        assert two.cli("config", "nodes", NAME).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0, 2])
def test_a_leader_killed_in_the_middle_is_succeeded_in_the_rollout_too(tmp_path: Path, moment: int) -> None:
    figures = play_killed(tmp_path, 5, moment, timed=False)
    assert (figures["twice"], figures["skipped"]) == (0, 0)
