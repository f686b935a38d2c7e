"""Symptoms of a network that trains but does not generalise, or cannot fit the training rows.

References:
    Goodfellow, Bengio & Courville 2016, "Deep Learning", sections 5.2 and 11.3; Zhang, Bengio,
    Hardt, Recht & Vinyals 2017, "Understanding deep learning requires rethinking generalization".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from dnn_sweep.core.diagnosis.reference import REFERENCE
from dnn_sweep.core.diagnosis.symptoms import TrialCurves, finite
from dnn_sweep.core.diagnosis.thresholds import THRESHOLDS
from dnn_sweep.core.formatting import percent

BEST = "the best combination"


@dataclass(frozen=True)
class Attainable:
    """What others reach on the validation rows, in the objective's unit.

    Args:
        best: The mean of the best combination's trials.
        reference: The score of :func:`~dnn_sweep.core.diagnosis.reference.reference_score`; NaN
            if it is not known.
        chance: How far from no skill chance alone may lead.
    """

    best: float
    reference: float = np.nan
    chance: float = 0.0

    def top(self, trial: TrialCurves) -> tuple[float, str]:
        """The better one of the two, and its name."""
        if trial.skill(self.reference) > trial.skill(self.best):
            return self.reference, REFERENCE
        return self.best, BEST


def no_signal(trial: TrialCurves, attainable: Attainable) -> str | None:
    """Neither the networks nor a learner of another kind predict the validation rows."""
    low, high = THRESHOLDS["nothing_learned"], THRESHOLDS["half_way"]
    lucky = min(attainable.chance / abs(trial.value(1) - trial.no_skill or np.nan), high)
    best, reference = trial.skill(attainable.best), trial.skill(attainable.reference)
    if not (reference < low and best < max(low, lucky)):
        return None
    return (
        f"validation {trial.objective.label} is {trial.no_skill:.3g} without looking at a row, "
        f"{attainable.reference:.3g} with {REFERENCE} (threshold {trial.value(low):.3g}) and "
        f"{attainable.best:.3g} with {BEST} (threshold {trial.value(max(low, lucky)):.3g})"
    )


def underfitting(trial: TrialCurves, attainable: Attainable) -> str | None:
    """A training loss that settled while others fit far better: the network is too small."""
    loss = finite(trial.history["loss"])
    if len(loss) < 4 or loss[-1] < (1 - THRESHOLDS["settled"]) * loss[-1 - len(loss) // 4]:
        return None
    top, whose = attainable.top(trial)
    enough = (1 - THRESHOLDS["far_worse"]) * trial.skill(top)
    if not THRESHOLDS["nothing_learned"] <= trial.skill(trial.best_fit) < enough:
        return None
    return (
        f"the training loss has levelled off, but {trial.objective.label} on the training rows "
        f"reached only {trial.best_fit:.3g}, against {top:.3g} of {whose} on the validation rows "
        f"(threshold {trial.value(enough):.3g})"
    )


def overfitting(trial: TrialCurves, attainable: Attainable) -> str | None:
    """A validation loss that rose from its lowest value while the training loss kept falling."""
    rise = THRESHOLDS["generalisation_loss"]
    loss, val_loss = trial.history["loss"], trial.history["val_loss"]
    epochs = np.flatnonzero(np.isfinite(loss) & np.isfinite(val_loss))
    if not len(epochs):
        return None
    lowest, last = epochs[val_loss[epochs].argmin()], epochs[-1]
    risen = val_loss[last] / val_loss[lowest] - 1 if val_loss[lowest] > 0 else 0.0
    if not (loss[last] < loss[lowest] and risen > rise and gap(trial) > THRESHOLDS["gap"]):
        return None
    measured = trial.objective.by_epoch
    metric, validation_metric = measured.metric, measured.validation_metric
    return (
        f"the validation loss ended {percent(risen)} above its lowest (threshold {percent(rise)}) "
        f"while the training loss fell, and {metric} is {trial.history[metric][last]:.3g} on the "
        f"training rows against {trial.history[validation_metric][last]:.3g}"
    )


def gap(trial: TrialCurves) -> float:
    """How much better the training rows are predicted than the validation rows, at the end.

    By the loss, relative to that of the validation rows, where epochs do not measure the objective.
    """
    measured = trial.objective.by_epoch
    metrics = measured.metric, measured.validation_metric
    training, validation = (float(trial.history[metric][-1]) for metric in metrics)
    if measured != trial.objective:
        return 1 - training / validation if validation > 0 else 0.0
    return trial.skill(training) - trial.skill(validation)


# The most upstream cause first: networks overfit labels without signal, too.
FIT_SYMPTOMS: Mapping[str, Callable[[TrialCurves, Attainable], str | None]] = {
    "no signal": no_signal,
    "underfitting": underfitting,
    "overfitting": overfitting,
}
