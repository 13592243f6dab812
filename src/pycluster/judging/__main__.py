"""``python -m pycluster.judging``: cases on standard input, verdicts on standard output, both JSON.

With ``render`` it stays, and takes one batch of templates after the other until its input ends: a frame for each batch,
a frame of the answer for each template that is done, so that what one of them takes away leaves the others theirs, and
an empty frame. A frame is its length, four bytes, the highest first, and so many bytes of MessagePack.
"""

from __future__ import annotations

import resource
import sys

import msgspec

#: Processor time, s: of a batch of templates; of a judgment, and of so many bytes of what is judged one more.
_CPU_S, _JUDGING_CPU_S, _BYTES_A_SECOND = 10, 3, 100_000
_MEMORY_BYTES = 1 << 30
#: Who has more after a batch does not stay: the machine would miss it.
_STAYS_BYTES = 128 * 1024 * 1024


def main() -> None:
    """Judge once, or render, within limits that the kernel keeps."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    if sys.argv[1:] == ["render"]:
        _render()
    else:
        given = sys.stdin.buffer.read()
        # There are two places for all who change something: a pattern that never ends shall not hold one for long.
        _limit_cpu(min(_JUDGING_CPU_S + len(given) // _BYTES_A_SECOND, _CPU_S))
        _judge(given)


def _limit_cpu(seconds: int) -> None:
    """So much from now on, and then the kernel ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft, hard = int(used.ru_utime + used.ru_stime) + seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _judge(given: bytes) -> None:
    from pycluster.judging import Case
    from pycluster.judging.judge import judge

    cases = msgspec.json.decode(given, type=tuple[Case, ...])
    sys.stdout.buffer.write(msgspec.json.encode(judge(cases)))


def _render() -> None:
    from pycluster.judging import Batch
    from pycluster.judging.rendering import render

    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while size := source.read(4):
        given = source.read(int.from_bytes(size))
        _limit_cpu(_CPU_S)
        for one in render(msgspec.msgpack.decode(given, type=Batch)):
            told = msgspec.msgpack.encode(one)
            sink.write(len(told).to_bytes(4) + told)
            sink.flush()
        if _resident_bytes() > _STAYS_BYTES:
            return
        sink.write(bytes(4))
        sink.flush()


def _resident_bytes() -> int:
    # The greatest there ever was (ru_maxrss) would be that of whoever started this process, where that was greater.
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


main()
