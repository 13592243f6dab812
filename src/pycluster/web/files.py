"""The page's files as they lie in the package."""

from __future__ import annotations

import os

_STATIC = os.path.join(os.path.dirname(__file__), "static")


class StaticFiles:
    """The files below one directory, listed once; a name that is not on the list does not exist."""

    def __init__(self, root: str = _STATIC) -> None:
        self._files: dict[str, str] = {}
        for folder, _, names in os.walk(root):
            for name in names:
                path = os.path.join(folder, name)
                if not name.startswith(".") and not os.path.islink(path):
                    self._files[os.path.relpath(path, root).replace(os.sep, "/")] = path

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is no such file."""
        path = self._files.get(name)
        if path is None:
            return None
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError:
            return None
