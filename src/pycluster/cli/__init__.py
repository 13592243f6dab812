"""The command line."""

from pycluster.cli.entry import main

__all__ = ["main"]
