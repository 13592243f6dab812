"""``python -m pycluster.agent FLAGS``: what ``pycluster agent`` becomes, without the command line's libraries.

``FLAGS`` is a JSON object: what was given on the command line, by name, and ``config``, the file.
"""

from __future__ import annotations

import os
import socket
import sys

import msgspec

from pycluster.agent.life import run
from pycluster.agent.parameters import judge
from pycluster.kernel.errors import LocalMisuse, PyClusterError
from pycluster.settings import Loaded, load


def main(words: list[str]) -> int:
    """Run the agent; gives the exit code."""
    flags = msgspec.json.decode(words[0], type=dict[str, str | int | tuple[str, ...]])
    path = str(flags.pop("config", "")) or None

    def read() -> Loaded:
        return load(path, os.environ, flags, socket.gethostname(), judge)

    try:
        return run(read(), read)
    except PyClusterError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, LocalMisuse) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
