"""Small files that an agent can do without: what they say is taken where it can be read, and else why it cannot."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from pycluster.kernel.bounded import UNREADABLE

T = TypeVar("T")


def read_hint(path: str, kind: type[T], without: T) -> tuple[T, str]:
    """What the JSON file ``path`` says, or ``without``; and what is wrong with it, empty also where there is none."""
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=kind), ""
    except FileNotFoundError:
        return without, ""
    except OSError as error:
        return without, f"{path} cannot be read: {error.strerror}"
    except UNREADABLE as error:
        return without, f"{path} is damaged: {error}"
