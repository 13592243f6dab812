"""The file, the environment and the flags as one frozen tree, each value with its source."""

from pycluster.settings.effective import effective
from pycluster.settings.load import load
from pycluster.settings.model import Hook, Judge, Loaded, Selector, Settings, SettingsError, Source, Template
from pycluster.settings.tags import ENGINE_TAG, tags_of

__all__ = [
    "ENGINE_TAG",
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
    "tags_of",
]
