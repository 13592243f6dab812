"""Files on a machine, rendered from keys, members and entries of the configuration."""

from pycluster.rendering.files import Rendering
from pycluster.rendering.model import (
    PLACE,
    PROBE,
    RENDER,
    Did,
    FileProblem,
    FilesView,
    FileView,
    Placed,
    RenderedFiles,
    RenderRequest,
    RenderView,
    Wanted,
    Work,
    names_of,
)
from pycluster.rendering.params import Params
from pycluster.rendering.reporting import Reporting
from pycluster.rendering.shelf import Shelf, Standing
from pycluster.rendering.sight import Sight, fingerprints, interests, intervals, selects

__all__ = [
    "PLACE",
    "PROBE",
    "RENDER",
    "Did",
    "FileProblem",
    "FileView",
    "FilesView",
    "Params",
    "Placed",
    "RenderRequest",
    "RenderView",
    "RenderedFiles",
    "Rendering",
    "Reporting",
    "Shelf",
    "Sight",
    "Standing",
    "Wanted",
    "Work",
    "fingerprints",
    "interests",
    "intervals",
    "names_of",
    "selects",
]
