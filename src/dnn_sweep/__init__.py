"""dnn-sweep: which activation and which optimizer train the best network on your data."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dnn_sweep.interface import SweepError, SweepResult, sweep

__version__ = "0.1.0"
__all__ = ["SweepError", "SweepResult", "sweep"]


def __getattr__(name: str) -> Any:
    """Load the Python interface when it is used: no command needs it."""
    if name in __all__:
        return getattr(import_module("dnn_sweep.interface"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
