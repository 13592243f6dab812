"""Open files are what a crowd of connections uses up first; what is left must do for everything else."""

from __future__ import annotations

import contextlib
import resource

#: Enough for every bound on connections together; many systems start a process with 1,024 and allow more.
_WANTED = 4_096


def raise_limit() -> None:
    """Let this process have as many open files as it may need and the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def share(wanted: int) -> int:
    """``wanted``, or half of what this process may have open where that is less."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, soft // 2)
