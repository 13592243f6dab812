"""What the state says instead of doing a step."""

from __future__ import annotations

from pycluster import store

#: Refused for what it is, by a state that would do another: nothing was changed, and to ask again at once is in vain.
_FOR_ITS_OWN_SAKE: frozenset[store.FailureKind] = frozenset(
    ("key-too-large", "request-too-large", "too-many-operations", "duplicate-key", "no-space")
)


def is_for_its_own_sake(result: store.Result) -> bool:
    """Whether steps that do not wait for this one may well be done."""
    return isinstance(result, store.Failure) and result.kind in _FOR_ITS_OWN_SAKE


def words(result: store.Result) -> str:
    """For people."""
    if isinstance(result, store.Failure):
        return f"the state refused: {result.kind}" + (f": {result.detail}" if result.detail else "")
    return f"the state answered with {type(result).__name__}"
