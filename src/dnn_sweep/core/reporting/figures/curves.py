"""What a learning curve is, and which curves share a panel."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.objectives import Objective

ONE_PANEL = 7
MOST_CURVES = 60


@dataclass(frozen=True)
class Curve:
    """One combination's mean over its seeds.

    Args:
        combination: Its name.
        activation: The grid's activation.
        optimizer: The grid's optimizer.
        epochs: From 1, shape ``(epochs,)``.
        training: The objective on the training rows, NaN where it was not finite.
        validation: The objective on the validation rows, NaN where it was not finite.
        low: The lowest of its seeds on the validation rows, NaN where none was finite.
        high: The highest of its seeds, likewise.
        diverged: Whether a trial of it diverged.
    """

    combination: str
    activation: str
    optimizer: str
    epochs: NDArray[np.int64]
    training: NDArray[np.float64]
    validation: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    diverged: bool

    @property
    def end(self) -> tuple[int, float] | None:
        """The last epoch with a finite validation value, and that value."""
        finite = np.flatnonzero(np.isfinite(self.validation))
        if not len(finite):
            return None
        return int(self.epochs[finite[-1]]), float(self.validation[finite[-1]])

    def furthest(self, objective: Objective) -> float:
        """The best validation value of any epoch, more being better; -inf where there is none."""
        reached = objective.sign * self.validation
        return float(np.nanmax(reached)) if np.isfinite(reached).any() else -np.inf


def mean_curves(histories: pd.DataFrame, objective: Objective) -> list[Curve]:
    """Average every combination's history over its seeds.

    Args:
        histories: One row a trial and epoch.
        objective: Which metric is shown.

    Returns:
        The curves, in the order of the histories.
    """
    columns = [objective.metric, objective.validation_metric]
    finite = histories[columns].replace([np.inf, -np.inf], np.nan)
    by_epoch = [histories["combination"], histories["epoch"]]
    means = finite.groupby(by_epoch, sort=False).mean()
    spread = finite[columns[1]].groupby(by_epoch, sort=False).agg(["min", "max"])
    means = means.assign(low=spread["min"], high=spread["max"])
    diverged = (histories["status"] == "diverged").groupby(histories["combination"]).any()
    factors = histories.drop_duplicates("combination").set_index("combination")
    curves = []
    for name, rows in means.groupby(level="combination", sort=False):
        combination = str(name)
        mean = rows.droplevel("combination").sort_index()
        curves.append(
            Curve(
                combination=combination,
                activation=str(factors.loc[combination, "activation"]),
                optimizer=str(factors.loc[combination, "optimizer"]),
                epochs=mean.index.to_numpy(dtype=np.int64),
                training=mean[columns[0]].to_numpy(dtype=np.float64),
                validation=mean[columns[1]].to_numpy(dtype=np.float64),
                low=mean["low"].to_numpy(dtype=np.float64),
                high=mean["high"].to_numpy(dtype=np.float64),
                diverged=bool(diverged.loc[combination]),
            )
        )
    return curves


def best_curves(curves: list[Curve], objective: Objective) -> list[Curve]:
    """Choose what a reader can still tell apart.

    Args:
        curves: Every combination's curve.
        objective: Which metric is shown.

    Returns:
        All of them, or the sixty that came furthest in some epoch, in the order they had.
    """
    if len(curves) <= MOST_CURVES:
        return curves
    ordered = sorted(curves, key=lambda curve: curve.furthest(objective))
    chosen = {curve.combination for curve in ordered[-MOST_CURVES:]}
    return [curve for curve in curves if curve.combination in chosen]


def arrange(curves: list[Curve]) -> dict[str, list[tuple[str, Curve]]]:
    """Sort curves into panels: one panel for a few, else one an activation.

    Args:
        curves: Every combination's curve.

    Returns:
        For each panel's title its curves, each with its name in the legend.
    """
    if len(curves) <= ONE_PANEL:
        return {"": [(curve.combination, curve) for curve in curves]}
    panels: dict[str, list[tuple[str, Curve]]] = {}
    for curve in curves:
        panels.setdefault(curve.activation, []).append((curve.optimizer, curve))
    return panels


def upper_limit(curves: list[Curve], objective: Objective) -> float | None:
    """Find where to cut the axis when an error ran away and would flatten all the others.

    Args:
        curves: Every combination's curve.
        objective: Which metric is shown.

    Returns:
        The axis's upper end; ``None`` where everything fits.
    """
    if objective.mode == "max":
        return None
    values = np.concatenate([each for c in curves for each in (c.training, c.high)])
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    typical = 1.5 * float(np.quantile(values, 0.9))
    return typical if values.max() > 2 * typical else None
