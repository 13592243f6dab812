"""What must hold, whatever goes wrong."""

from pycluster.simulator.checkers.acting import ActingIntervals, Interval
from pycluster.simulator.checkers.checker import Checker, Violation
from pycluster.simulator.checkers.commits import Commits
from pycluster.simulator.checkers.copies import abreast, agree
from pycluster.simulator.checkers.history import Operation
from pycluster.simulator.checkers.leadership import Minority, followed, opinions, settled
from pycluster.simulator.checkers.linear import Judgement
from pycluster.simulator.checkers.liveness import Detection, Failover
from pycluster.simulator.checkers.logs import Logs
from pycluster.simulator.checkers.members import Convictions, disagreements
from pycluster.simulator.checkers.sanity import Sanity
from pycluster.simulator.checkers.verdicts import Verdicts
from pycluster.simulator.checkers.watching import Opening, Watching

__all__ = [
    "ActingIntervals",
    "Checker",
    "Commits",
    "Convictions",
    "Detection",
    "Failover",
    "Interval",
    "Judgement",
    "Logs",
    "Minority",
    "Opening",
    "Operation",
    "Sanity",
    "Verdicts",
    "Violation",
    "Watching",
    "abreast",
    "agree",
    "disagreements",
    "followed",
    "opinions",
    "settled",
]
