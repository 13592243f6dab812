"""What this process holds open, told so that a test hears of its own leaks only."""

from __future__ import annotations

import os


def descriptors() -> dict[int, str]:
    """Every open descriptor with the path, or the kind and inode, that it is of.

    A leak is what is in a later answer and in no earlier one. Counting them is not enough: what an earlier
    test left to the garbage collector may be closed between the two.
    """
    found = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            found[int(number)] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            continue  # the listing's own
    return found
