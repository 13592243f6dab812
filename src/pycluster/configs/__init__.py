"""Configuration entries: versioned, checked, overridden by node; above the replicated state."""

from pycluster.configs.changes import TOGETHER_MAX, Held, RollingOut, Target, VersionDiffers, conditions, id_of_try
from pycluster.configs.configs import Configs, Contended, Judge, NoEntry, Unfit
from pycluster.configs.differences import unified
from pycluster.configs.keeping import Keeping
from pycluster.configs.merging import counts, ordered
from pycluster.configs.model import (
    ChangedView,
    ChangeRequest,
    ChangesView,
    DraftRequest,
    DraftView,
    EffectiveQuery,
    EffectivesView,
    EffectiveView,
    EntriesQuery,
    EntriesView,
    Entry,
    EntryQuery,
    EntryView,
    HistoryQuery,
    HistoryView,
    LayerView,
    RollbackRequest,
    Wanted,
    entry_of,
)
from pycluster.configs.model import packed as packed_entry
from pycluster.configs.names import ENTRIES, SCOPES, Name, entry_key, history_key, of_key, parse
from pycluster.configs.params import Params

__all__ = [
    "ENTRIES",
    "SCOPES",
    "TOGETHER_MAX",
    "ChangeRequest",
    "ChangedView",
    "ChangesView",
    "Configs",
    "Contended",
    "DraftRequest",
    "DraftView",
    "EffectiveQuery",
    "EffectiveView",
    "EffectivesView",
    "EntriesQuery",
    "EntriesView",
    "Entry",
    "EntryQuery",
    "EntryView",
    "Held",
    "HistoryQuery",
    "HistoryView",
    "Judge",
    "Keeping",
    "LayerView",
    "Name",
    "NoEntry",
    "Params",
    "RollbackRequest",
    "RollingOut",
    "Target",
    "Unfit",
    "VersionDiffers",
    "Wanted",
    "conditions",
    "counts",
    "entry_key",
    "entry_of",
    "history_key",
    "id_of_try",
    "of_key",
    "ordered",
    "packed_entry",
    "parse",
    "unified",
]
