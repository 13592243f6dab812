"""Contents judged by their formats and schemas, and merged; templates rendered. Nothing else of ours is needed for it,
so that the process that does it starts quickly.
"""

from pycluster.judging.cases import Case, Edit, Format, Problem, Reading, Verdict
from pycluster.judging.templates import Batch, Place, Reads, Rendered, Source

__all__ = [
    "Batch",
    "Case",
    "Edit",
    "Format",
    "Place",
    "Problem",
    "Reading",
    "Reads",
    "Rendered",
    "Source",
    "Verdict",
]
