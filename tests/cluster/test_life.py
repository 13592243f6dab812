"""How an agent starts, is told things by signals, refuses to start, and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.agents import AgentProcess, environment, fleet, origin_conf, wait_for
from tests.cluster.three import HOSTS, agents_on, formed, seated


def alone(folder: Path) -> AgentProcess:
    """One agent that is its own majority."""
    (agent,) = agents_on(folder, {"node001": "127.0.0.1"})
    return agent


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    agent = alone(tmp_path)
    with fleet(agent):
        agent.wait_says("Became new leader: node001")
        agent.send(number)
        assert agent.wait() == 0, agent.console()
        assert "Traceback" not in agent.console()


def test_sigterm_hands_leadership_over_and_says_goodbye(tmp_path: Path) -> None:
    agents = one, two, three = agents_on(tmp_path, HOSTS)
    with fleet(*agents):
        formed(agents)
        seated(agents)
        one.send(signal.SIGTERM)
        assert one.wait() == 0, one.console()
        two.wait_says("Became new leader: node002")
        for agent in (two, three):
            agent.wait_says("Node left: node001")
            assert agent.says("Node timeout: node001") == 0, agent.console()
        one.start()
        one.wait_says("Became new leader: node001")
        for agent in (two, three):
            agent.wait_says("Following new leader: node001", times=2)


def test_the_port_is_closed_while_hooks_still_run_and_they_can_ask_the_agent(tmp_path: Path) -> None:
    agent = alone(tmp_path)
    begun, may_end = tmp_path / "begun", tmp_path / "may-end"
    hook = tmp_path / "hook.sh"
    hook.write_text(f"#!/bin/sh\ntouch {begun}\nwhile [ ! -e {may_end} ]; do sleep 0.05; done\n")
    hook.chmod(0o755)
    with (tmp_path / "cluster.conf").open("a") as conf:
        conf.write(f"[hook slow]\non = leader-lost\ncommand = {hook}\n")
    where = ("127.0.0.1", int(agent.flags[agent.flags.index("-port") + 1]))

    def refused() -> bool | None:
        try:
            socket.create_connection(where, 5).close()
        except ConnectionRefusedError:
            return True
        return None

    with fleet(agent):
        agent.wait_says("Became new leader: node001")
        agent.send(signal.SIGTERM)
        wait_for("the hook runs", lambda: begun.exists() or None)
        wait_for("nobody listens any more", refused)
        assert agent.ended() is None
        assert agent.peek() is not None, "a hook may ask its agent"
        may_end.touch()
        assert agent.wait() == 0, agent.console()


@pytest.mark.slow
def test_sighup_reads_the_seeds_again_and_keeps_running(tmp_path: Path) -> None:
    """The other agent knows nobody's address, so only the new seed can bring the two together."""
    one = alone(tmp_path)
    conf = tmp_path / "cluster.conf"
    port = int(one.flags[one.flags.index("-port") + 1])
    nowhere = origin_conf(tmp_path / "nowhere.conf", {"node009": "127.0.0.9"}, port)
    where = ("-config", str(nowhere), "-port", str(port), "-bind-address", "127.0.0.2")
    two = AgentProcess("node002", tmp_path, *where)
    with fleet(one, two):
        one.wait_says("Became new leader: node001")
        two.wait_says("Cluster Status:", times=2)
        assert one.says("New node discovered") == 0
        origin_conf(conf, {"node001": "127.0.0.1", "node002": "127.0.0.2"}, port)
        one.send(signal.SIGHUP)
        one.wait_says("New node discovered: node002")
        two.wait_says("Following new leader: node001")
        one.send(signal.SIGTERM)
        assert one.wait() == 0, one.console()


def test_tags_that_do_not_fit_before_a_restart_are_told_and_the_old_ones_stay(tmp_path: Path) -> None:
    """The file is right, but the bound that it has no more holds until then."""
    agent = alone(tmp_path)
    conf = tmp_path / "cluster.conf"
    plain = conf.read_text()
    conf.write_text(f"{plain}[membership]\ntags_max_bytes = 10\ntags_gossip_bytes = 10\n[tags]\nrack = r1\n")
    with fleet(agent):
        agent.wait_says("Became new leader: node001")
        conf.write_text(f"{plain}[tags]\nrack = r10\n")
        agent.send(signal.SIGHUP)
        agent.wait_says("The settings stay as they are: the tags were not changed: they take 11 bytes, 10 are allowed")
        assert agent.says("Settings read again") == 0, agent.console()
        conf.write_text(f"{plain}[tags]\nrack = r2\n")
        agent.send(signal.SIGHUP)
        agent.wait_says("Settings read again: 1 nodes, 1 tags; a restart is needed for membership.tags_gossip_bytes")


def test_a_broken_file_is_told_with_its_line_and_exit_code_2(tmp_path: Path) -> None:
    agent = alone(tmp_path)
    conf = tmp_path / "cluster.conf"
    conf.write_text(conf.read_text().replace("discovery_port = ", "discovery_port = much"))
    with fleet(agent):
        assert agent.wait() == 2, agent.console()
        assert "cluster.conf" in agent.err.read_text()
        assert "discovery_port" in agent.err.read_text()
        assert "Traceback" not in agent.console()


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    agent = alone(tmp_path)
    (tmp_path / "cluster.conf").unlink()
    with fleet(agent):
        assert agent.wait() == 2, agent.console()
        assert "cluster.conf" in agent.err.read_text()
        assert "Traceback" not in agent.console()


def test_a_taken_port_is_told_and_the_first_agent_is_unharmed(tmp_path: Path) -> None:
    first = alone(tmp_path)
    second = AgentProcess("node002", tmp_path, *first.flags[4:])
    with fleet(first):
        first.wait_says("Became new leader: node001")
        with fleet(second):
            assert second.wait() == 1, second.console()
            assert "in use" in second.err.read_text()
            assert "Traceback" not in second.console()
        assert first.leader() == "node001"


def test_a_data_directory_has_one_owner(tmp_path: Path) -> None:
    first = alone(tmp_path)
    second = AgentProcess("node001", tmp_path, *first.flags[4:])
    second.flags = tuple("127.0.0.9" if flag == "127.0.0.1" else flag for flag in second.flags)
    with fleet(first):
        first.wait_says("Became new leader: node001")
        shown = first.console()
        second.folder = tmp_path / "second"
        second.folder.mkdir()
        with fleet(second):
            assert second.wait() == 1, second.console()
            assert str(first.pid) in second.err.read_text()
            assert "Traceback" not in second.console()
        assert first.console().startswith(shown)
        assert first.leader() == "node001"


def test_a_second_live_node_of_one_name_is_refused_on_both_consoles(tmp_path: Path) -> None:
    agents = agents_on(tmp_path, HOSTS)
    three = agents[2]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    flags = tuple("127.0.0.9" if flag == "127.0.0.3" else flag for flag in three.flags[4:])
    impostor = AgentProcess("node003", elsewhere, *flags)
    with fleet(*agents):
        formed(agents)
        with fleet(impostor):
            wait_for("both sides say whose name it is", lambda: conflict_told(three, impostor))
        own = wait_for("the holder answers", three.peek).uuid
        wait_for("the name is the holder's, and alive", lambda: holds(agents[0], "node003", own))


def holds(agent: AgentProcess, name: str, uuid: str) -> bool | None:
    """Whether ``agent`` sees the node of this UUID alive under that name."""
    shown = agent.peek()
    members = () if shown is None else shown.members
    return any((one.name, one.uuid, one.state) == (name, uuid, "alive") for one in members) or None


def conflict_told(holder: AgentProcess, impostor: AgentProcess) -> bool | None:
    """Both consoles name the name and the other's address."""
    told_holder = any("node003" in line and "127.0.0.9" in line for line in holder.err.read_text().splitlines())
    told_impostor = any("node003" in line and "127.0.0.3" in line for line in impostor.err.read_text().splitlines())
    return True if told_holder and told_impostor else None


def test_a_data_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    agent = alone(tmp_path)
    agent.data_dir.write_text("a file where the directory should be")
    with fleet(agent):
        assert agent.wait() == 1, agent.console()
        assert str(agent.data_dir) in agent.err.read_text()
        assert "Traceback" not in agent.console()


@pytest.mark.slow
def test_it_outlives_a_console_that_nobody_reads(tmp_path: Path) -> None:
    """A full pipe must not stop an agent: its peers would see it die of its reader."""
    one, two = agents_on(tmp_path, {"node001": "127.0.0.1", "node002": "127.0.0.2"})
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(write, True)
    try:
        with fleet(two):
            one.start(console=write)
            try:
                two.wait_says("Following new leader: node001")
                blocks = two.says("Cluster Status:")
                two.wait_says("Cluster Status:", times=blocks + 2)
                wait_for("it leads", lambda: one.leader() == "node001" or None)
                assert two.says("Node timeout: node001") == 0
                one.send(signal.SIGTERM)
                assert one.wait() == 0
            finally:
                one.stop()
    finally:
        os.close(read)
        os.close(write)


def test_modules_in_the_working_directory_are_none_of_its_own(tmp_path: Path) -> None:
    program, work = tmp_path / "bin" / "pycluster", tmp_path / "work"
    program.parent.mkdir()
    work.mkdir()
    program.write_text("import sys\nfrom pycluster.cli import main\nsys.exit(main())\n")
    (work / "queue.py").write_text("raise SystemExit('a file of that name in the working directory was imported')\n")
    line = [sys.executable, str(program), "agent", "-name", "a", "-bind-address", "192.0.2.77"]
    done = subprocess.run(line, cwd=work, env=environment(), capture_output=True, text=True, check=False, timeout=60)
    assert "this machine has no address 192.0.2.77" in done.stderr
    assert done.returncode == 2


def test_a_signal_that_comes_while_it_loads_is_obeyed_once_it_runs(tmp_path: Path) -> None:
    """The command line holds signals back before it becomes the agent; here one waits from the beginning."""
    agent = alone(tmp_path)
    conf, port = tmp_path / "cluster.conf", int(agent.flags[agent.flags.index("-port") + 1])
    flags = {"config": str(conf), "name": "node001", "data_dir": str(agent.data_dir), "bind_address": "127.0.0.1"}
    program = (
        "import os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'pycluster.agent', sys.argv[1]])\n"
    )
    line = [sys.executable, "-c", program, json.dumps({**flags, "port": str(port)})]
    done = subprocess.run(
        line, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "SIGTERM: handing over, saying goodbye" in done.stderr
