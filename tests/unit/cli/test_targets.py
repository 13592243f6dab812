"""Which agent is asked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pycluster.cli.given import Given
from pycluster.cli.targets import endpoint
from pycluster.client import Ambiguous, Endpoint, NoAgent
from pycluster.kernel.errors import PyClusterError
from pycluster.settings import SettingsError
from pycluster.storage import default_directory


@pytest.fixture
def listeners() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


class Machine:
    """Default directories under a test's folder, and agents in them."""

    def __init__(self, folder: Path, listeners: ExitStack) -> None:
        self.state = folder / "state"
        self.system = folder / "var"
        self.environment = {"XDG_STATE_HOME": str(self.state)}
        self._listeners = listeners

    def agent(self, directory: Path, *, dead: bool = False) -> str:
        """A socket in a data directory; nobody listens on a dead one."""
        directory.mkdir(parents=True, exist_ok=True)
        path = str(directory / "agent.sock")
        held = socket.socket(socket.AF_UNIX)
        held.bind(path)
        if dead:
            held.close()
        else:
            held.listen()
            self._listeners.enter_context(held)
        return path

    def find(self, **options: str) -> str:
        """The endpoint for a line with these options."""
        given = Given()
        given.options |= options
        return str(endpoint(given, self.environment, str(self.system), root=False))


@pytest.fixture
def machine(tmp_path: Path, listeners: ExitStack) -> Machine:
    return Machine(tmp_path / "m", listeners)


def conf(path: Path, cluster: str = "proxy") -> Path:
    """A file with one node, this machine."""
    path.write_text(f'[cluster]\nname = {cluster}\n[nodes]\nnode001 = "127.0.0.1:7946"\n')
    return path


def own(machine: Machine, cluster: str, name: str) -> Path:
    """The default data directory, as an agent of a plain user chooses it."""
    return Path(default_directory(cluster, name, machine.environment, root=False))


def test_flags_come_before_the_environment_and_an_address_before_a_directory(machine: Machine) -> None:
    machine.environment |= {"PYCLUSTER_ADDR": "192.0.2.1:1", "PYCLUSTER_DATA_DIR": "/srv/b"}
    assert machine.find(addr="192.0.2.9:80", data_dir="/srv/a") == "http://192.0.2.9:80"
    assert machine.find(data_dir="/srv/a") == "unix:/srv/a/agent.sock"
    assert machine.find() == "http://192.0.2.1:1"
    del machine.environment["PYCLUSTER_ADDR"]
    assert machine.find() == "unix:/srv/b/agent.sock"


def test_a_relative_directory_is_the_working_directorys(machine: Machine) -> None:
    assert machine.find(data_dir="data") == f"unix:{Path.cwd()}/data/agent.sock"


def test_a_file_and_a_name_give_the_default_directory(machine: Machine, tmp_path: Path) -> None:
    file = str(conf(tmp_path / "proxy.conf"))
    assert machine.find(config=file, name="node007") == f"unix:{own(machine, 'proxy', 'node007')}/agent.sock"
    machine.environment["PYCLUSTER_ADDR"] = "192.0.2.1:1"
    assert machine.find(config=file, name="node007").startswith("unix:")
    machine.environment |= {"PYCLUSTER_ADDR": "", "PYCLUSTER_CONFIG": file, "PYCLUSTER_NAME": "node008"}
    assert machine.find() == f"unix:{own(machine, 'proxy', 'node008')}/agent.sock"


def test_a_file_that_names_its_directory_is_believed(machine: Machine, tmp_path: Path) -> None:
    file = conf(tmp_path / "proxy.conf")
    file.write_text(file.read_text() + "[node]\ndata_dir = /srv/node\n")
    assert machine.find(config=str(file)) == "unix:/srv/node/agent.sock"


def test_a_named_file_with_mistakes_is_told(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        machine.find(config=str(tmp_path / "missing.conf"))


def test_the_working_directorys_file_counts_where_its_agent_exists(machine: Machine) -> None:
    conf(Path("cluster.conf"))
    other = machine.agent(machine.state / "pycluster" / "else" / "node009")
    assert machine.find() == f"unix:{other}"
    mine = machine.agent(own(machine, "proxy", socket.gethostname().partition(".")[0]))
    assert machine.find() == f"unix:{mine}"


def test_a_broken_file_in_the_working_directory_hides_no_agent(machine: Machine) -> None:
    Path("cluster.conf").write_text("[cluster]\ndiscovery_port = much\n")
    path = machine.agent(machine.state / "pycluster" / "proxy" / "node001")
    assert machine.find() == f"unix:{path}"


@pytest.mark.parametrize("place", ["state/pycluster/proxy/node001", "var/proxy/node001", "var"])
def test_the_only_agent_below_the_default_directories_is_meant(machine: Machine, tmp_path: Path, place: str) -> None:
    path = machine.agent(tmp_path / "m" / place)
    assert machine.find() == f"unix:{path}"


def test_dead_sockets_do_not_count_beside_a_live_one(machine: Machine) -> None:
    machine.agent(machine.system / "proxy" / "node001", dead=True)
    live = machine.agent(machine.system / "proxy" / "node002")
    assert machine.find() == f"unix:{live}"


def test_several_agents_are_listed_with_the_flags_that_choose(machine: Machine) -> None:
    for name in ("node001", "node002"):
        machine.agent(machine.system / "proxy" / name)
    with pytest.raises(Ambiguous) as raised:
        machine.find()
    assert "proxy/node001" in raised.value.why and "proxy/node002" in raised.value.why
    assert "-data-dir" in raised.value.remedy


def test_no_agent_at_all_says_what_to_do(machine: Machine) -> None:
    with pytest.raises(NoAgent) as raised:
        machine.find()
    assert "-data-dir" in raised.value.remedy
    for name in ("node001", "node002"):
        machine.agent(machine.system / "proxy" / name, dead=True)
    with pytest.raises(NoAgent) as raised:
        machine.find()
    assert "dead" in raised.value.why


def test_an_address_that_is_none_is_told(machine: Machine) -> None:
    with pytest.raises(PyClusterError):
        machine.find(addr="nowhere")
    assert Endpoint.parse(machine.find(addr="[::1]:80")) == Endpoint(host="::1", port=80)
