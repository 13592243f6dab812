"""What must hold, whatever goes wrong."""

from pycluster.simulator.checkers.acting import ActingIntervals, Interval
from pycluster.simulator.checkers.checker import Checker, Violation
from pycluster.simulator.checkers.leadership import Minority, followed, opinions, settled
from pycluster.simulator.checkers.logs import Logs
from pycluster.simulator.checkers.members import Convictions, disagreements
from pycluster.simulator.checkers.sanity import Sanity

__all__ = [
    "ActingIntervals",
    "Checker",
    "Convictions",
    "Interval",
    "Logs",
    "Minority",
    "Sanity",
    "Violation",
    "disagreements",
    "followed",
    "opinions",
    "settled",
]
