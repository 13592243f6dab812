"""``demo``: a whole cluster on this machine, told as it happens."""

from pycluster.cli.demo.verb import demo

__all__ = ["demo"]
