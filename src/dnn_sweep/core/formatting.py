"""How numbers, intervals and budgets read, the same in figures, report and console."""

import math
from collections.abc import Mapping
from typing import Any

TIMES = "\N{MULTIPLICATION SIGN}"
NO_VALUE = "\N{EN DASH}"

METRIC_LABELS = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
}


def format_value(value: float | None) -> str:
    """Write a metric's value with about four significant digits.

    Args:
        value: The value; ``None`` and NaN stand for one that does not exist.

    Returns:
        Such as ``0.9718``, ``54.33``, ``12,345`` or, for no value, a dash.
    """
    if value is None or math.isnan(value):
        return NO_VALUE
    if value == 0 or 0.001 <= abs(value) <= 1:
        return f"{value:.4f}"
    if 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:#.4g}"


def format_interval(low: float | None, high: float | None) -> str:
    """Write an interval such as ``[0.9621, 0.9804]``; a dash where it does not exist."""
    bounds = format_value(low), format_value(high)
    return NO_VALUE if NO_VALUE in bounds else f"[{bounds[0]}, {bounds[1]}]"


def format_seconds(seconds: float) -> str:
    """Write a duration such as ``4.2 s``, ``1 min 20 s`` or ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def count(number: int, noun: str) -> str:
    """Write ``1 seed`` or ``1,078 rows``: a number with its noun."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def describe_budget(champion: Mapping[str, Any]) -> str:
    """Write what every claim rests on, such as 30 combinations by 1 seed by 20 epochs.

    Args:
        champion: The champion's record.
    """
    return f" {TIMES} ".join(
        [
            count(champion["combinations"], "combination"),
            count(len(champion["seeds"]), "seed"),
            count(champion["epochs"], "epoch"),
        ]
    )


def describe_rows(champion: Mapping[str, Any]) -> str:
    """Write how many rows trained, selected and tested.

    Args:
        champion: The champion's record.
    """
    rows = champion["rows"]
    return (
        f"{rows['train']:,} training, {rows['validation']:,} validation "
        f"and {rows['test']:,} test rows"
    )


def headline(champion: Mapping[str, Any], best: str) -> str:
    """Say what the champion is, and no more than that.

    Args:
        champion: The champion's record.
        best: The combination that leads the leaderboard.

    Returns:
        Such as ``relu + adam wins on digits``.
    """
    name, experiment = champion["combination"], champion["experiment"]
    tied, others = len(champion["tied_with"]), champion["combinations"] - 1
    if name != best:
        if champion["chosen_by"] == "cheapest_tied" and best in champion["tied_with"]:
            return f"{name} trains fastest of the {tied + 1} tied for first on {experiment}"
        return f"{name} is the best on {experiment} that did not diverge"
    if not others:
        return f"{name} on {experiment}"
    if tied:
        return f"{name} comes first on {experiment}, tied with {tied} of {count(others, 'other')}"
    if len(champion["seeds"]) == 1:
        return f"{name} comes first on {experiment}, with one seed"
    return f"{name} wins on {experiment}"


def describe_metric(metrics: Mapping[str, Mapping[str, float | None]], name: str) -> str:
    """Write a metric with its interval, such as ``accuracy 0.9722 [0.9528, 0.9889]``.

    Args:
        metrics: ``value``, ``ci_low`` and ``ci_high`` of every metric.
        name: Which one.
    """
    entry = metrics[name]
    interval = format_interval(entry["ci_low"], entry["ci_high"])
    return f"{METRIC_LABELS.get(name, name)} {format_value(entry['value'])} {interval}"
