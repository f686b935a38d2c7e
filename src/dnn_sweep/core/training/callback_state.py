"""What callbacks remember between two epochs, for checkpoints."""

from typing import Any

from numpy.typing import NDArray

from dnn_sweep.core.training.callbacks import Callbacks
from dnn_sweep.core.training.checkpoints import State, numbered

# Of Keras's early stopping and plateau, and of our best epoch. All other attributes are settings,
# or are made again when the training begins.
REMEMBERED = (
    "best", "best_epoch", "stopped_epoch", "wait", "cooldown_counter", "_loss", "_best_loss",
)  # fmt: skip


def read_callbacks(callbacks: Callbacks) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what the callbacks remember: first what JSON can hold, then arrays by name."""
    note: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    for at, callback in enumerate(callbacks.in_order):
        own = vars(callback)
        kept = {name: own[name] for name in REMEMBERED if name in own}
        note.append({name: _plain(value) for name, value in kept.items()})
        best = own.get("best_weights")
        if isinstance(best, int):  # a lane puts aside the epoch instead
            note[at]["best_weights"] = best
        elif best is not None:
            arrays |= numbered(f"best{at}", best)
    return {"history": callbacks.recorder.rows, "callbacks": note}, arrays


def restore_callbacks(callbacks: Callbacks, state: State) -> None:
    """Let callbacks that have begun remember what they did in that state."""
    callbacks.recorder.rows = [dict(row) for row in state.note["history"]]
    for at, callback in enumerate(callbacks.in_order[: len(state.note["callbacks"])]):
        vars(callback).update(state.note["callbacks"][at])
        if best := state.listed(f"best{at}"):
            vars(callback)["best_weights"] = best


def _plain(value: Any) -> Any:
    """A number of NumPy's as one of Python's."""
    return value.item() if hasattr(value, "item") else value
