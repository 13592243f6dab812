"""Bytes on the membership port, headers included, as the kernel counts them in a network namespace of our own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

_MARK = "PYCLUSTER_BENCH_NAMESPACE"
_TABLE = """
table inet bench {{
    counter sent {{ }}
    chain leaving {{
        type filter hook output priority 0;
        meta l4proto {{ tcp, udp }} th dport {port} counter name sent
        tcp sport {port} counter name sent
    }}
}}
"""


def in_own_namespace(port: int) -> bool:
    """Start this program again in a fresh network namespace with counters; False where that cannot be."""
    if os.environ.get(_MARK):
        return True
    if os.geteuid() != 0 or any(shutil.which(program) is None for program in ("unshare", "ip", "nft")):
        return False
    script = 'ip link set lo up && nft -f - <<<"$TABLE" && exec "$@"'
    os.environ["TABLE"] = _TABLE.format(port=port)
    os.environ[_MARK] = "1"
    command = [sys.executable, "-m", "benchmarks.peers", *sys.argv[1:]]
    os.execvp("unshare", ["unshare", "--net", "bash", "-ec", script, "bash", *command])


def bytes_sent() -> int:
    """Bytes that left for, or as an answer from, the port since the namespace was made."""
    told = subprocess.run(
        ["nft", "list", "counter", "inet", "bench", "sent"], capture_output=True, text=True, check=True
    )
    found = re.search(r"bytes (\d+)", told.stdout)
    assert found is not None, told.stdout
    return int(found[1])
