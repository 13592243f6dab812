"""An error says whose fault it is, what did not happen, why, and what to do."""

from __future__ import annotations


class PyClusterError(Exception):
    """The root of our errors: ``what`` did not happen, ``why``, and the ``remedy``; the later two may be empty."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        self.what = what
        self.why = why
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        text = self.what
        if self.why:
            text += f": {self.why}"
        if self.remedy:
            text += f" ({self.remedy})"
        return text


class LocalMisuse(PyClusterError):
    """The caller or the operator of this node asked for something that cannot be."""


class RemoteFault(PyClusterError):
    """A peer, or the network to it, failed or sent what makes no sense."""


class Refused(PyClusterError):
    """The request was understood and is not granted; nothing was changed."""


class LocalFault(PyClusterError):
    """This machine failed us: a disk, a full file system, a damaged database."""
