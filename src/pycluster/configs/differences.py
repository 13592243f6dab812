"""What changed between two contents, line by line."""

from __future__ import annotations

#: Lines of either side; beyond them comparing takes minutes.
LINES_MAX = 20_000


def unified(before: str, after: str, from_label: str, to_label: str) -> list[str]:
    """A unified diff, without line ends; empty where the two are the same."""
    if before == after:
        return []
    import difflib  # an agent needs none

    old, new = before.splitlines(), after.splitlines()
    head = [f"--- {from_label}", f"+++ {to_label}"]
    if max(len(old), len(new)) > LINES_MAX:
        return [*head, f"{len(old)} lines became {len(new)}: too many to compare"]
    lines = list(difflib.unified_diff(old, new, from_label, to_label, lineterm=""))
    return lines or [*head, "the two differ in their line ends"]
