"""What a node keeps between two lives: its data directory, its log and identity, and when it acted as leader."""

from pycluster.storage import archives
from pycluster.storage.acting import Acted, ActingRecord
from pycluster.storage.database import Database
from pycluster.storage.directory import DataDirectory, default_directory, private, sync_directory
from pycluster.storage.exchange import check_whole, settle
from pycluster.storage.foundation import Found, lay, look, pieces_of
from pycluster.storage.hints import read_hint
from pycluster.storage.seatbook import SeatBook
from pycluster.storage.statefile import Piece

__all__ = [
    "Acted",
    "ActingRecord",
    "DataDirectory",
    "Database",
    "Found",
    "Piece",
    "SeatBook",
    "archives",
    "check_whole",
    "default_directory",
    "lay",
    "look",
    "pieces_of",
    "private",
    "read_hint",
    "settle",
    "sync_directory",
]
