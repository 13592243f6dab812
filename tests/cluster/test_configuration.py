"""Configuration in a cluster of real agents: any agent takes it, a killed leader loses none of it."""

from __future__ import annotations

from pathlib import Path

from pycluster.agent import SOCKET_NAME
from pycluster.client import Endpoint
from pycluster.client.blocking import StateClient
from pycluster.node.view import ControllerView, StatusView
from tests.cluster.agents import LIMIT_S, AgentProcess, fleet, wait_for
from tests.cluster.engines import keeping, on_both_engines
from tests.cluster.three import HOSTS, agents_on, formed, seated


def said(agent: AgentProcess, *words: str) -> str:
    """What a verb printed that went well."""
    done = agent.cli(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def controller(agent: AgentProcess) -> ControllerView | None:
    """The one that reconciles there, once it sees its keys; its next plan may be a minute away."""
    status: StatusView | None = agent.peek()
    views = status.controllers if status is not None else ()
    return next((view for view in views if view.phase in ("watching", "planning")), None)


@on_both_engines
def test_configuration_outlives_its_leader_and_is_the_same_wherever_it_is_asked_for(
    tmp_path: Path, engine: str
) -> None:
    agents = one, two, three = agents_on(tmp_path, HOSTS)
    for agent in agents:
        agent.flags = (*agent.flags, "-zone", f"z{agent.name[-1]}")
    folder = tmp_path / "conf"
    (folder / "web").mkdir(parents=True)
    (folder / "web" / "@schema").write_text("required: [port]\nproperties:\n  port: {type: integer}\n")
    (folder / "web" / "app.yaml").write_text("port: 80 # as everywhere\n")
    (folder / "web" / "app.yaml@zone:z3").write_text("port: 8080\n")
    (folder / "motd").write_text("hello\n")
    with keeping(engine, tmp_path / "cluster.conf"), fleet(*agents):
        formed(agents)
        seated(agents)
        begun = wait_for("the leader reconciles", lambda: controller(one))
        assert "motd: created as version 1" in said(two, "config", "import", str(folder), "-m", "from git")
        assert said(three, "config", "get", "web/app.yaml") == "port: 80 # as everywhere\n"
        assert said(one, "config", "effective", "node002", "web/app.yaml") == "port: 80 # as everywhere\n"
        assert said(one, "config", "effective", "node003", "web/app.yaml") == "port: 8080\n"
        unfit = tmp_path / "unfit.yaml"
        unfit.write_text("port: http\n")
        refused = three.cli("config", "put", "web/app.yaml", str(unfit))
        assert refused.returncode == 2
        assert "web/app.yaml: /port: 'http' is not of type 'integer' (web/@schema)" in refused.stderr.decode()

        one.kill()
        two.wait_says("Became new leader: node002")
        unfit.write_text("port: 81\n")
        assert said(three, "config", "put", "web/app.yaml", str(unfit), "-m", "moved") == (
            "web/app.yaml: version 2 (it was 1)\n"
        )
        assert said(two, "config", "rollback", "web/app.yaml", "-to", "1") == "web/app.yaml: version 3 (it was 2)\n"
        ended = wait_for("the next leader reconciles", lambda: controller(two))
        assert ended.term > begun.term
        assert ended.problem == ""
        one.start()
        wait_for("node001 answers", one.status)
        history = said(one, "config", "history", "web/app.yaml", "-o", "name").split()
        assert history == ["3", "2", "1"]
        assert said(one, "config", "import", str(folder), "-dry-run") == "", "what is in the cluster is what is in Git"
        with StateClient(Endpoint(path=str(one.data_dir / SOCKET_NAME)), timeout_s=LIMIT_S) as client:
            assert client.list("/pycluster/fence/").kvs == (), "no version was to be forgotten, so no leader wrote"
