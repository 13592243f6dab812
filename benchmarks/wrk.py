"""wrk, told what to ask in etcd's words, and what it says afterwards."""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

Kind = Literal["put", "range"]

_SCRIPT = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local requests, place = {}, 0
function init(args)
  for line in io.lines("BODIES") do
    requests[#requests + 1] = wrk.format(nil, "/v3/kv/KIND", nil, line)
  end
end
function request()
  place = place % #requests + 1
  return requests[place]
end
function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('\\n{"answers":%d,"seconds":%f,"failed":%d,"p50_ms":%f,"p99_ms":%f}\\n', summary.requests,
    summary.duration / 1e6, failed, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


class Told(msgspec.Struct, frozen=True):
    """One run: ``failed`` are answers that are refusals, and connections that broke."""

    answers: int
    seconds: float
    failed: int
    p50_ms: float
    p99_ms: float


def available() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def pairs(count: int) -> list[tuple[bytes, bytes]]:
    """Keys of 40 bytes and values of 100."""
    return [(b"benchmark/%030d" % number, (b"%016d" % number * 7)[:100]) for number in range(count)]


def scripts(folder: Path, asked: Sequence[tuple[bytes, bytes]]) -> dict[Kind, Path]:
    """A script for each kind of request: one key of ``asked`` after the other, linearizable."""
    found: dict[Kind, Path] = {}
    for kind in ("put", "range"):
        bodies = []
        for key, value in asked:
            body = {"key": b64encode(key)} | ({"value": b64encode(value)} if kind == "put" else {})
            bodies.append(msgspec.json.encode({name: encoded.decode() for name, encoded in body.items()}))
        (folder / f"{kind}.bodies").write_bytes(b"\n".join(bodies) + b"\n")
        found[kind] = folder / f"{kind}.lua"
        found[kind].write_text(_SCRIPT.replace("BODIES", str(folder / f"{kind}.bodies")).replace("KIND", kind))
    return found


def run(script: Path, host: str, port: int, connections: int, seconds: float) -> Told:
    """One thread and so many connections, each with one request under way, for so long."""
    command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds:.0f}s", "--timeout=30s"]
    command += [f"--script={script}", f"http://{host}:{port}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return msgspec.json.decode(said.splitlines()[-1], type=Told)
