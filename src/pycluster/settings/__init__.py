"""The file, the environment and the flags as one frozen tree, each value with its source."""

from pycluster.settings.effective import effective
from pycluster.settings.load import load
from pycluster.settings.model import Hook, Judge, Loaded, Settings, SettingsError, Source

__all__ = ["Hook", "Judge", "Loaded", "Settings", "SettingsError", "Source", "effective", "load"]
