"""The test network itself: a cut that cuts nothing would let every partition test pass."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cluster.hosts import Host, needs_network, network

pytestmark = pytest.mark.root

_LISTEN = (
    "import socket; s = socket.create_server(('', 7946)); print('ready', flush=True)\nwhile True: s.accept()[0].close()"
)
_DIAL = "import socket, sys; socket.create_connection((sys.argv[1], 7946), timeout=1)"


def reaches(source: Host, target: Host) -> bool:
    dial = [*source.enter, sys.executable, "-c", _DIAL, target.address]
    return subprocess.run(dial, capture_output=True, check=False).returncode == 0


def test_a_cut_cuts_both_ways_and_healing_joins_again() -> None:
    needs_network()
    with network(3) as net:
        one, two, three = net.hosts
        listening = [
            subprocess.Popen([*host.enter, sys.executable, "-c", _LISTEN], stdout=subprocess.PIPE) for host in net.hosts
        ]
        try:
            for process in listening:
                assert process.stdout is not None
                assert process.stdout.readline() == b"ready\n"
            assert reaches(one, three)
            assert reaches(three, one)
            net.cut([one, two], [three])
            assert not reaches(one, three)
            assert not reaches(three, two)
            assert reaches(one, two)
            net.heal()
            assert reaches(one, three)
            assert reaches(three, two)
        finally:
            for process in listening:
                process.kill()
                process.communicate()
