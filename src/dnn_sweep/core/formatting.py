"""Numbers, intervals and counts as text, the same in figures, report and console."""

import math

TIMES = "\N{MULTIPLICATION SIGN}"
NO_VALUE = "\N{EN DASH}"

METRIC_LABELS = {  # where they differ from the names
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
    "balanced_accuracy": "balanced accuracy",
    "average_precision": "average precision",
    "roc_auc": "ROC AUC",
    "brier": "Brier score",
    "mape": "mean absolute percentage error",
}


def format_value(value: float | None) -> str:
    """Write a value with about four significant digits; a dash for none (``None`` or NaN).

    >>> [format_value(value) for value in (0.97184, 54.3261, 12345.0, None)]
    ['0.9718', '54.33', '12,345', '–']
    """
    if value is None or math.isnan(value):
        return NO_VALUE
    if value == 0 or 0.001 <= abs(value) <= 1:
        return f"{value:.4f}"
    if 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:#.4g}"


def format_score(value: float) -> str:
    """Write a value with about three significant digits, for a name.

    >>> [format_score(value) for value in (0.96204, 0.98, 44.318, 12345.0)]
    ['0.962', '0.980', '44.3', '12,345']
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def format_interval(low: float | None, high: float | None) -> str:
    """Write an interval, a small end with as many decimals as the other; a dash for none.

    >>> format_interval(0.9621, 0.9804), format_interval(-0.0008767, 0.0278)
    ('[0.9621, 0.9804]', '[-0.0009, 0.0278]')
    """
    bounds = [format_value(low), format_value(high)]
    if low is None or high is None or NO_VALUE in bounds:
        return NO_VALUE
    if 0.001 <= max(abs(low), abs(high)) <= 1:
        for place, end in enumerate((low, high)):
            if float(rounded := f"{end:.4f}"):  # what would look like 0 keeps its digits
                bounds[place] = rounded
    return f"[{bounds[0]}, {bounds[1]}]"


def format_seconds(seconds: float) -> str:
    """Write a duration.

    >>> format_seconds(4.24), format_seconds(80), format_seconds(7500)
    ('4.2 s', '1 min 20 s', '2 h 5 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def count(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> count(1, "seed"), count(1078, "row")
    ('1 seed', '1,078 rows')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def percent(share: float) -> str:
    """Write a share as a whole percentage.

    >>> percent(0.95)
    '95 %'
    """
    return f"{100 * share:.0f} %"


def format_share(share: float) -> str:
    """Write a share as a percentage, with a digit more where it is small or near 1.

    >>> format_share(0.021), format_share(0.4)
    ('2.1 %', '40 %')
    """
    return f"{100 * share:.{1 if min(share, 1 - share) < 0.1 else 0}f} %"
