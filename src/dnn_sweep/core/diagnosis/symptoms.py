"""Symptoms of a training that goes wrong: a function each, which returns the evidence or ``None``.

A symptom alone is no verdict: :mod:`dnn_sweep.core.diagnosis.verdicts` also asks whether it did
any harm.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.comparison.error_parts import Floats
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
    kept: float | None = None  # the objective of the kept epoch, where epochs do not measure it

    @property
    def best(self) -> float:
        """The objective in the best epoch, on the validation rows; no skill if it diverged."""
        if self.kept is not None:
            return self.no_skill if self.status == "diverged" else self.kept
        return self._best_of(self.objective.validation_metric)

    @property
    def best_fit(self) -> float:
        """The same on the training rows; NaN where it was not measured."""
        return self._best_of(self.objective.metric) if self.kept is None else np.nan

    def _best_of(self, column: str) -> float:
        values = finite(self.history[column])
        if self.status == "diverged" or not len(values):
            return self.no_skill
        return float(values.max() if self.objective.mode == "max" else values.min())

    def skill(self, value: float) -> float:
        """A value of the objective on the scale from no skill (0) to perfection (1)."""
        return (value - self.no_skill) / (self._perfect - self.no_skill or np.nan)

    def value(self, skill: float) -> float:
        """The value of the objective that has this skill."""
        return self.no_skill + skill * (self._perfect - self.no_skill)

    @property
    def _perfect(self) -> float:
        return 0.0 if self.objective.scale == "error" else 1.0


def finite(values: Floats) -> Floats:
    """The finite ones of the values."""
    return values[np.isfinite(values)]


def diverged(trial: TrialCurves) -> str | None:
    """A loss that stopped being finite."""
    epochs = len(trial.history["loss"])
    return f"the loss was not finite in epoch {epochs}" if trial.status == "diverged" else None


def dead_units(trial: TrialCurves) -> str | None:
    """Units that return 0 for every row, most of them from the start (Lu et al. 2019)."""
    return _dead(trial, from_the_start=True)


def saturated(trial: TrialCurves) -> str | None:
    """A layer whose activation works at its flat ends most of the time (Glorot & Bengio 2010).

    Its share at the end alone would not tell: the units of a network that is too small saturate as
    it learns.
    """
    if len(trial.epochs) < 2:
        return None
    can = np.array([name in SATURATING for name in trial.activations], dtype=bool)
    shares = np.median(np.where(can, np.nan_to_num(trial.figures["saturated"][1:]), 0.0), axis=0)
    worst = int(shares.argmax())
    if shares[worst] < THRESHOLDS["saturated"]:
        return None
    return (
        f"{percent(shares[worst])} of the sums in {trial.layers[worst]} lie where the activation "
        f"is flat, in the median of the measured epochs (threshold "
        f"{percent(THRESHOLDS['saturated'])})"
    )


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
    """Steps that kill units, replace the weights, or make the training loss rise again."""
    if killed := _dead(trial, from_the_start=False):
        return killed
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


# The most upstream cause first: what comes later often follows from what comes before.
TRAINING_SYMPTOMS: Mapping[str, Callable[[TrialCurves], str | None]] = {
    "diverged": diverged,
    "dead units": dead_units,
    "learning rate too high": learning_rate_too_high,
    "saturated": saturated,
    "vanishing gradient": vanishing_gradient,
    "learning rate too low": learning_rate_too_low,
}


def _dead(trial: TrialCurves, *, from_the_start: bool) -> str | None:
    """Dead units, in layers where most of them were dead before training or where few were."""
    if not len(trial.layers):
        return None
    first, last = np.nan_to_num(trial.figures["dead_units"][[0, -1]])
    concerned = (first >= THRESHOLDS["dead_before"] * last) == from_the_start
    worst = int(np.where(concerned, last, -1.0).argmax())
    if not concerned[worst] or last[worst] < THRESHOLDS["dead"]:
        return None
    return (
        f"{percent(last[worst])} of the units in {trial.layers[worst]} are dead after "
        f"{_epochs(trial)} (threshold {percent(THRESHOLDS['dead'])}), against "
        f"{percent(first[worst])} before training"
    )


def _epochs(trial: TrialCurves) -> str:
    return count(int(trial.epochs[-1]), "epoch")


def _means(values: Floats) -> Floats:
    """Mean of each column's finite values; NaN where there is none."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0))
