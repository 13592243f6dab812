"""What a node keeps between two lives: its data directory, its log and identity, and when it acted as leader."""

from pycluster.storage.acting import Acted, ActingRecord
from pycluster.storage.database import Database
from pycluster.storage.directory import DataDirectory, default_directory

__all__ = ["Acted", "ActingRecord", "DataDirectory", "Database", "default_directory"]
