"""Symptoms of one trial: a function each, which returns the evidence or ``None``.

A symptom alone is no verdict: :mod:`dnn_sweep.core.diagnosis.verdicts` also asks whether it did
any harm.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.comparison.intervals import Floats
from dnn_sweep.core.diagnosis.thresholds import THRESHOLDS
from dnn_sweep.core.formatting import count, percent
from dnn_sweep.core.objectives import Objective

# Flat on both sides. The relu family is flat on one side by design: healthy layers have half of
# their sums there.
SATURATING = frozenset(
    {"hard_sigmoid", "hard_tanh", "relu6", "sigmoid", "softsign", "sparse_sigmoid", "tanh"}
)


@dataclass(frozen=True)
class TrialCurves:
    """One trial as the symptoms see it."""

    status: str
    history: Mapping[str, Floats]  # columns of its history, one value per epoch
    layers: Sequence[str]  # names, the output layer last; empty where nothing was measured
    activations: Sequence[str]  # of each layer
    figures: Mapping[str, Floats]  # columns of its diagnostics, shape (measured epochs, layers)
    epochs: NDArray[np.int64]  # the measured epochs, from 0
    objective: Objective
    no_skill: float  # the objective's value for predictions made without looking at a row

    @property
    def best(self) -> float:
        """The objective in the best epoch, on the validation rows; no skill if it diverged."""
        values = finite(self.history[self.objective.validation_metric])
        if self.status == "diverged" or not len(values):
            return self.no_skill
        return float(values.max() if self.objective.mode == "max" else values.min())

    def skill(self, value: float) -> float:
        """A value of the objective on the scale from no skill (0) to perfection (1)."""
        perfect = 1.0 if self.objective.mode == "max" else 0.0
        return (value - self.no_skill) / (perfect - self.no_skill or np.nan)


def finite(values: Floats) -> Floats:
    """The finite ones of the values."""
    return values[np.isfinite(values)]


def diverged(trial: TrialCurves) -> str | None:
    """A loss that stopped being finite."""
    epochs = len(trial.history["loss"])
    return f"the loss was not finite in epoch {epochs}" if trial.status == "diverged" else None


def dead_units(trial: TrialCurves) -> str | None:
    """Units of a layer that return 0 for every row (Lu et al. 2019)."""
    return _share_at_the_end(trial, "dead_units", True, "dead", "of the units are dead")


def saturated(trial: TrialCurves) -> str | None:
    """A layer whose activation works at its flat ends (Glorot & Bengio 2010)."""
    can = np.array([name in SATURATING for name in trial.activations], dtype=bool)
    return _share_at_the_end(trial, "saturated", can, "saturated", "of the sums are flat")


def vanishing_gradient(trial: TrialCurves) -> str | None:
    """A gradient that does not reach the first layer, which therefore does not learn."""
    if len(trial.layers) < 2:
        return None
    signal, moved = trial.figures["signal_gradient_norm"], _means(trial.figures["update_ratio"])
    with np.errstate(divide="ignore", invalid="ignore"):
        arriving = finite(signal[:, 0] / signal[:, -1])
        pace = moved[0] / moved[-1]
    share = float(np.median(arriving)) if len(arriving) else np.nan
    if not (share < THRESHOLDS["signal"] and pace < THRESHOLDS["pace"]):
        return None
    return (
        f"{share:.2g} of the output's gradient signal arrives at {trial.layers[0]} (threshold "
        f"{THRESHOLDS['signal']:g}), whose weights change {pace:.2g} times as fast as the output "
        f"layer's (threshold {THRESHOLDS['pace']:g})"
    )


def learning_rate_too_high(trial: TrialCurves) -> str | None:
    """Steps that replace the weights, or make the training loss rise again."""
    if len(trial.layers):
        moved = np.nan_to_num(trial.figures["update_ratio"]).max(axis=0)
        if moved.max() > THRESHOLDS["replaced"]:
            return (
                f"the weights of {trial.layers[int(moved.argmax())]} changed by {moved.max():.2g} "
                f"times their norm in an epoch (threshold {THRESHOLDS['replaced']:g})"
            )
    loss = finite(trial.history["loss"])
    climbed = (loss[-1] - loss.min()) / loss[0] if len(loss) and loss[0] > 0 else 0.0
    if climbed > THRESHOLDS["climbs"]:
        return (
            f"the training loss ended {percent(climbed)} of its first value above its lowest "
            f"(threshold {percent(THRESHOLDS['climbs'])})"
        )
    return None


def learning_rate_too_low(trial: TrialCurves) -> str | None:
    """Weights that hardly move, or a validation loss that was still falling at the end."""
    if len(trial.epochs) > 1:
        way = trial.figures["update_ratio"][1:] * np.diff(trial.epochs)[:, np.newaxis]
        furthest = float(np.nan_to_num(way, nan=np.inf).sum(axis=0).max())
        if furthest < THRESHOLDS["moves"]:
            return (
                f"in {_epochs(trial)} no layer's weights moved by more than {furthest:.2g} of "
                f"their norm (threshold {THRESHOLDS['moves']:g})"
            )
    loss = finite(trial.history["val_loss"])
    fell = len(loss) >= 4 and loss[0] - loss[-1] >= THRESHOLDS["loss_moved"] * loss[0]
    if not fell or loss[-1] > (1 + THRESHOLDS["generalisation_loss"]) * loss.min():
        return None
    late = (loss[-1 - len(loss) // 4] - loss[-1]) / (loss[0] - loss[-1])
    if late > THRESHOLDS["still_falling"]:
        return (
            f"{percent(late)} of the validation loss's whole fall came in the last quarter of the "
            f"epochs (threshold {percent(THRESHOLDS['still_falling'])})"
        )
    return None


def overfitting(trial: TrialCurves) -> str | None:
    """A validation loss that rose from its lowest value while the training loss kept falling."""
    rise = THRESHOLDS["generalisation_loss"]
    loss, val_loss = trial.history["loss"], trial.history["val_loss"]
    epochs = np.flatnonzero(np.isfinite(loss) & np.isfinite(val_loss))
    if not len(epochs):
        return None
    lowest, last = epochs[val_loss[epochs].argmin()], epochs[-1]
    risen = val_loss[last] / val_loss[lowest] - 1 if val_loss[lowest] > 0 else 0.0
    metric = trial.objective.metric
    on_training = float(trial.history[metric][last])
    on_validation = float(trial.history[trial.objective.validation_metric][last])
    gap = trial.skill(on_training) - trial.skill(on_validation)
    if not (loss[last] < loss[lowest] and risen > rise and gap > THRESHOLDS["gap"]):
        return None
    return (
        f"the validation loss ended {percent(risen)} above its lowest (threshold {percent(rise)}) "
        f"while the training loss fell, and {metric} is {on_training:.3g} on the training rows "
        f"against {on_validation:.3g}"
    )


# The most upstream cause first: what comes later often follows from what comes before.
SYMPTOMS: Mapping[str, Callable[[TrialCurves], str | None]] = {
    "diverged": diverged,
    "dead units": dead_units,
    "learning rate too high": learning_rate_too_high,
    "saturated": saturated,
    "vanishing gradient": vanishing_gradient,
    "learning rate too low": learning_rate_too_low,
    "overfitting": overfitting,
}


def _share_at_the_end(
    trial: TrialCurves, figure: str, where: NDArray[np.bool_] | bool, threshold: str, words: str
) -> str | None:
    """Compare a share in the last measured epoch with its threshold, layer by layer."""
    if not len(trial.layers):
        return None
    shares = np.where(where, np.nan_to_num(trial.figures[figure][-1]), 0.0)
    worst = int(shares.argmax())
    if shares[worst] < THRESHOLDS[threshold]:
        return None
    return (
        f"{percent(shares[worst])} {words} in {trial.layers[worst]} after {_epochs(trial)} "
        f"(threshold {percent(THRESHOLDS[threshold])})"
    )


def _epochs(trial: TrialCurves) -> str:
    return count(int(trial.epochs[-1]), "epoch")


def _means(values: Floats) -> Floats:
    """Mean of each column's finite values; NaN where there is none."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0))
