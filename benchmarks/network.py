"""A network of the run's own: each agent on a host (a network namespace) with one address, and one router between them.

The router sees every packet, so it counts what each agent sends and cuts one off without a word to either side. The
addresses of the loopback network would not do: a TCP connection to 127.1.0.3 leaves from 127.0.0.1 whoever opens it,
and a rule by address misses it. Nothing outlives the run: the namespaces are known in its own mount namespace only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

PORT = 7946
_MARK = "PYCLUSTER_BENCH_NETWORK"
_PROGRAMS = ("unshare", "nsenter", "ip", "nft")
_ROUTER = "169.254.1.1"
_SETUP = 'mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link set lo up && exec "$@"'
_TABLE = f"""
table inet bench {{
    set cut {{ type ipv4_addr; }}
    set sent_udp {{ type ipv4_addr; size 4096; flags dynamic; }}
    set sent_tcp {{ type ipv4_addr; size 4096; flags dynamic; }}
    chain passing {{
        type filter hook forward priority 0;
        ip saddr @cut drop
        ip daddr @cut drop
        udp dport {PORT} update @sent_udp {{ ip saddr counter }}
        tcp dport {PORT} update @sent_tcp {{ ip saddr counter }}
        tcp sport {PORT} update @sent_tcp {{ ip saddr counter }}
    }}
}}
"""


class Sent(msgspec.Struct, frozen=True):
    """Bytes that one address sent for, or as an answer from, the membership port; IP headers included."""

    udp: int = 0
    tcp: int = 0


def enter_own_network(module: str) -> bool:
    """Start ``python -m module`` again, arguments and all, where it may make networks; False where none can be."""
    if os.environ.get(_MARK):
        return True
    if os.geteuid() != 0 or any(shutil.which(program) is None for program in _PROGRAMS):
        return False
    os.environ[_MARK] = "1"
    command = ["sh", "-ec", _SETUP, "sh", sys.executable, "-m", module, *sys.argv[1:]]
    sys.stdout.flush()
    os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", *command])


class Loopback:
    """Where no network can be made: an address of the loopback network for each agent, nothing counted, nobody cut."""

    routed = False

    def address(self, number: int) -> str:
        """The address of agent ``number``; numbers begin at 1."""
        return f"127.1.{number // 250}.{number % 250 + 1}"

    def entry(self, number: int) -> tuple[str, ...]:
        """What stands in front of a command that is to run on the agent's host."""
        del number
        return ()

    def cut(self, number: int) -> None:
        """Drop every packet from and to the agent."""
        raise RuntimeError(f"agent {number} cannot be cut off: that needs root, ip and nft")

    def heal(self, number: int) -> None:
        """Let its packets pass again."""
        raise RuntimeError(f"agent {number} was never cut off")

    def sent(self) -> dict[str, Sent]:
        """By address, since the network was made; empty where nothing counts."""
        return {}


class Routed(Loopback):
    """A host for each agent, all joined by the router that this process runs on."""

    routed = True

    def __init__(self, hosts: int) -> None:
        router, numbers = [], range(1, hosts + 1)
        for number in numbers:
            router += [
                f"netns add host{number}",
                f"link add port{number} type veth peer name eth0 netns host{number}",
                f"address add {_ROUTER}/32 dev port{number}",
                f"link set port{number} up",
                f"route add {self.address(number)}/32 dev port{number}",
            ]
        _ip(router)
        for number in numbers:
            host = [
                "link set lo up",
                f"address add {self.address(number)}/32 dev eth0",
                "link set eth0 up",
                f"route add {_ROUTER} dev eth0",
                f"route add default via {_ROUTER} dev eth0",
            ]
            _ip(host, "-n", f"host{number}")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        _nft(_TABLE)

    def address(self, number: int) -> str:
        """As above; these addresses exist inside the run's namespaces only."""
        return f"10.77.{number // 250}.{number % 250 + 1}"

    def entry(self, number: int) -> tuple[str, ...]:
        """As above."""
        return ("nsenter", f"--net=/run/netns/host{number}")

    def cut(self, number: int) -> None:
        """Silently: no reset, no ICMP, and ARP still answers, so that nothing but time tells."""
        _nft(f"add element inet bench cut {{ {self.address(number)} }}")

    def heal(self, number: int) -> None:
        """As above."""
        _nft(f"delete element inet bench cut {{ {self.address(number)} }}")

    def sent(self) -> dict[str, Sent]:
        """As above."""
        udp, tcp = _counted("udp"), _counted("tcp")
        return {address: Sent(udp.get(address, 0), tcp.get(address, 0)) for address in udp.keys() | tcp.keys()}


def _counted(of: str) -> dict[str, int]:
    told = subprocess.run(["nft", "-j", "list", "set", "inet", "bench", f"sent_{of}"], capture_output=True, check=True)
    listed = next(item["set"] for item in msgspec.json.decode(told.stdout)["nftables"] if "set" in item)
    return {item["elem"]["val"]: item["elem"]["counter"]["bytes"] for item in listed.get("elem", [])}


def _ip(lines: Sequence[str], *options: str) -> None:
    _run("ip", *options, "-batch", "-", given="\n".join(lines))


def _nft(script: str) -> None:
    _run("nft", "-f", "-", given=script)


def _run(*command: str, given: str) -> None:
    done = subprocess.run(command, input=given, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
