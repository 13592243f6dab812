"""Controllers above the replicated state: what they see, what they want, and the one loop that runs their plans."""

from pycluster.controllers.fence import Fence, fence_key, fence_value
from pycluster.controllers.model import (
    RESERVED,
    Act,
    Controller,
    ControllerView,
    Interest,
    Kind,
    Plan,
    Step,
    View,
    Write,
    Yielding,
)
from pycluster.controllers.params import Params
from pycluster.controllers.reconciliation import Reconciliation

__all__ = [
    "RESERVED",
    "Act",
    "Controller",
    "ControllerView",
    "Fence",
    "Interest",
    "Kind",
    "Params",
    "Plan",
    "Reconciliation",
    "Step",
    "View",
    "Write",
    "Yielding",
    "fence_key",
    "fence_value",
]
