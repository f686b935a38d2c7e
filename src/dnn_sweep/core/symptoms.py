"""What can be wrong with one trial, each told by figures and thresholds that are stated here once.

A symptom alone is no verdict: :mod:`dnn_sweep.core.verdicts` also asks whether it did any harm.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.layer_tables import OUTPUT_LAYER
from dnn_sweep.core.objectives import Objective


@dataclass(frozen=True)
class Threshold:
    """A number that decides, and why it is this one.

    Args:
        value: The number.
        reason: In words for the reader of ``docs/diagnostics.md``.
    """

    value: float
    reason: str


THRESHOLDS: Mapping[str, Threshold] = {
    "signal": Threshold(
        0.01,
        "Glorot & Bengio 2010 ask that the signal keeps its size from layer to layer; below a "
        "hundredth of it, the first layer needs a hundred epochs for one of the last layer's",
    ),
    "pace": Threshold(
        0.1,
        "an optimizer that scales each weight's step (Adam, RMSprop) makes up for a small "
        "gradient; a tenth of the output layer's pace says that this one does not",
    ),
    "dead": Threshold(
        0.5,
        "Lu et al. 2019: a network is lost when a whole layer is dead; with half a layer gone it "
        "is another, narrower network than the one that was asked for",
    ),
    "saturated": Threshold(
        0.5,
        "Glorot & Bengio 2010 see training stall in layers whose units sit on the flat ends; at "
        "half of all sums, most paths through two such layers are shut",
    ),
    "moves": Threshold(
        0.001,
        "at a thousandth of its norm an epoch a kernel needs a thousand epochs to become another",
    ),
    "still_falling": Threshold(
        0.05,
        "a validation loss that falls by a twentieth in the last quarter of the epochs has not "
        "arrived: the steps are too small for the budget",
    ),
    "replaced": Threshold(
        1.0,
        "a kernel that changes by more than its norm in one epoch is replaced, not refined",
    ),
    "climbs": Threshold(
        0.1,
        "a training loss that ends higher than it has been, by a tenth of the first epoch's, is "
        "thrown back by its own steps",
    ),
    "generalisation_loss": Threshold(
        0.05,
        "Prechelt 1998 stops a training when the validation loss is 5 % above its lowest (GL5)",
    ),
    "gap": Threshold(
        0.05,
        "training rows predicted better than validation rows, by a twentieth of the way from no "
        "skill to perfection",
    ),
}

# Flat on both sides. The others (the relu family) have a slope of 0 on one side by design, so
# that a healthy layer of theirs has half of its sums there.
SATURATING = frozenset(
    {"hard_sigmoid", "hard_tanh", "relu6", "sigmoid", "softsign", "sparse_sigmoid", "tanh"}
)


@dataclass(frozen=True)
class TrialCurves:
    """One trial as the symptoms see it.

    Args:
        history: Its rows of the histories, in the order of the epochs.
        layers: Its rows of the diagnostics, in the order of epochs and layers; empty where nothing
            was measured.
        objective: What it is judged by.
        no_skill: The objective's value for predictions made without looking at a row.
    """

    history: pd.DataFrame
    layers: pd.DataFrame
    objective: Objective
    no_skill: float

    @property
    def diverged(self) -> bool:
        """Whether its loss stopped being finite."""
        return bool((self.history["status"] == "diverged").any())

    @property
    def best(self) -> float:
        """The objective on the validation rows, in its best epoch; no skill if it diverged."""
        values = self.history[self.objective.validation_metric].to_numpy(dtype=np.float64)
        values = values[np.isfinite(values)]
        if self.diverged or not len(values):
            return self.no_skill
        return float(values.max() if self.objective.mode == "max" else values.min())

    def skill(self, value: float) -> float:
        """Where a value of the objective stands between no skill (0) and perfection (1)."""
        perfect = 1.0 if self.objective.mode == "max" else 0.0
        return (value - self.no_skill) / (perfect - self.no_skill or np.nan)

    def curve(self, name: str) -> NDArray[np.float64]:
        """A column of the history, its finite values only."""
        values = self.history[name].to_numpy(dtype=np.float64)
        return values[np.isfinite(values)]

    def by_layer(self, figure: str) -> pd.DataFrame:
        """A figure of the layers: a row an epoch, a column a layer from the input side."""
        names = list(dict.fromkeys(self.layers["layer"]))
        values = self.layers[figure].to_numpy(dtype=np.float64)
        return pd.DataFrame(values.reshape(-1, len(names)), columns=names)


def diverged(trial: TrialCurves) -> str | None:
    """The loss stopped being finite."""
    if not trial.diverged:
        return None
    return f"the loss was not finite in epoch {len(trial.history)}"


def dead_units(trial: TrialCurves) -> str | None:
    """Units of a layer put out nothing for any row (Lu et al. 2019)."""
    return _share_at_the_end(trial, trial.layers, "dead_units", "dead", "of the units are dead")


def saturated(trial: TrialCurves) -> str | None:
    """A layer's activation works on its flat ends (Glorot & Bengio 2010)."""
    layers = trial.layers[trial.layers["layer_activation"].isin(SATURATING)]
    return _share_at_the_end(trial, layers, "saturated", "saturated", "of the sums are flat")


def vanishing_gradient(trial: TrialCurves) -> str | None:
    """The loss's gradient does not reach the first layer, and so that does not learn."""
    if trial.layers.empty:
        return None
    signal, moved = trial.by_layer("signal_gradient_norm"), trial.by_layer("update_ratio")
    first = signal.columns[0]
    if first == OUTPUT_LAYER:
        return None
    arriving = float((signal[first] / signal[OUTPUT_LAYER]).replace(np.inf, np.nan).median())
    pace = float(moved[first].mean() / (moved[OUTPUT_LAYER].mean() or np.nan))
    if not (arriving < _limit("signal") and pace < _limit("pace")):
        return None
    return (
        f"{arriving:.2g} of the output's gradient signal arrives at {first} (threshold "
        f"{_limit('signal'):g}), whose weights change {pace:.2g} times as fast as the output "
        f"layer's (threshold {_limit('pace'):g})"
    )


def learning_rate_too_high(trial: TrialCurves) -> str | None:
    """Steps replace the weights, or throw the training loss back."""
    moved = trial.by_layer("update_ratio").max() if len(trial.layers) else pd.Series(dtype=float)
    if len(moved) and moved.max() > _limit("replaced"):
        return (
            f"the weights of {moved.idxmax()} changed by {moved.max():.2g} times their norm in an "
            f"epoch (threshold {_limit('replaced'):g})"
        )
    loss = trial.curve("loss")
    climbed = (loss[-1] - loss.min()) / loss[0] if len(loss) and loss[0] > 0 else 0.0
    if climbed > _limit("climbs"):
        return (
            f"the training loss ended {climbed:.0%} of its first value above its lowest "
            f"(threshold {_limit('climbs'):.0%})"
        )
    return None


def learning_rate_too_low(trial: TrialCurves) -> str | None:
    """The weights hardly move, or the validation loss was still on its way down at the end."""
    moved = trial.by_layer("update_ratio").mean() if len(trial.layers) else pd.Series(dtype=float)
    if len(moved) and moved.max() < _limit("moves"):
        return (
            f"no layer's weights changed by more than {moved.max():.2g} of their norm an epoch "
            f"(threshold {_limit('moves'):g})"
        )
    loss = trial.curve("val_loss")
    if len(loss) < 4:
        return None
    before = loss[-1 - len(loss) // 4]
    fell = (before - loss[-1]) / before if before > 0 else 0.0
    if fell > _limit("still_falling"):
        return (
            f"the validation loss still fell by {fell:.0%} in the last quarter of the epochs "
            f"(threshold {_limit('still_falling'):.0%})"
        )
    return None


def overfitting(trial: TrialCurves) -> str | None:
    """The validation loss has risen from its lowest while the training loss went on falling."""
    rows = trial.history[np.isfinite(trial.history[["loss", "val_loss"]]).all(axis=1)]
    if rows.empty:
        return None
    lowest, last = rows.loc[rows["val_loss"].idxmin()], rows.iloc[-1]
    risen = last["val_loss"] / lowest["val_loss"] - 1 if lowest["val_loss"] > 0 else 0.0
    metric, on_validation = trial.objective.metric, trial.objective.validation_metric
    gap = trial.skill(last[metric]) - trial.skill(last[on_validation])
    fitted = last["loss"] < lowest["loss"]
    if not (fitted and risen > _limit("generalisation_loss") and gap > _limit("gap")):
        return None
    return (
        f"the validation loss ended {risen:.0%} above its lowest (threshold "
        f"{_limit('generalisation_loss'):.0%}) while the training loss fell, and {metric} is "
        f"{last[metric]:.3g} on the training rows against {last[on_validation]:.3g}"
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


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


def _share_at_the_end(
    trial: TrialCurves, layers: pd.DataFrame, figure: str, limit: str, words: str
) -> str | None:
    """Whether a share of the last measured epoch passes its threshold in some layer."""
    last = layers[layers["epoch"] == trial.layers["epoch"].max()].dropna(subset=[figure])
    if last.empty:
        return None
    worst = last.loc[last[figure].idxmax()]
    if worst[figure] < _limit(limit):
        return None
    return (
        f"{worst[figure]:.0%} {words} in {worst['layer']} after {_epochs(int(worst['epoch']))} "
        f"(threshold {_limit(limit):.0%})"
    )


def _epochs(number: int) -> str:
    return f"{number} epoch" + ("" if number == 1 else "s")
