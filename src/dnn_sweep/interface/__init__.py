"""The Python interface: what ``from dnn_sweep import sweep`` gives."""

from dnn_sweep.core.errors import SweepError
from dnn_sweep.interface.call import sweep
from dnn_sweep.interface.result import SweepResult

__all__ = ["SweepError", "SweepResult", "sweep"]
