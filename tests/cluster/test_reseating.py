"""Real agents whose seats come, go and move under load; then all that the file lists are gone for good."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.agents import wait_for
from tests.cluster.reseating import six_agents
from tests.cluster.three import statuses
from tests.cluster.writers import Load


def test_seats_move_under_load_and_outlive_those_that_the_file_lists(tmp_path: Path) -> None:
    with six_agents(tmp_path) as six:
        load = Load(six.agents, "moves")
        with load.running():
            load.acknowledges(20)
            six.becomes("", "node004", {"node001", "node002", "node003", "node004"})
            load.acknowledges(20)
            leader = wait_for("somebody leads", six.leader)
            leader.kill()
            leader.start()
            six.becomes("node001", "node005", {"node002", "node003", "node004", "node005"})
            six.becomes("node002", "node006", {"node003", "node004", "node005", "node006"})
            six.becomes("node003", "", {"node004", "node005", "node006"})
            load.acknowledges(20)
        six.check(load)

        for agent in six.agents:
            agent.kill()
        six.agents = tuple(agent for agent in six.agents if agent.name in six.voters)
        for agent in six.agents:
            agent.start()
        wait_for("who has a seat finds the others, and one leads", six.leader)
        again = Load(six.agents, "after")
        with again.running():
            again.acknowledges(20)
        six.check(again)
        assert all(len(status.quorum.voters) == 3 for status in statuses(six.agents))
