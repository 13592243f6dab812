"""The file, the environment and the flags as one frozen tree, each value with its source."""

from pycluster.settings.effective import effective
from pycluster.settings.load import load
from pycluster.settings.model import Hook, Judge, Loaded, Selector, Settings, SettingsError, Source, Template

__all__ = [
    "Hook",
    "Judge",
    "Loaded",
    "Selector",
    "Settings",
    "SettingsError",
    "Source",
    "Template",
    "effective",
    "load",
]
