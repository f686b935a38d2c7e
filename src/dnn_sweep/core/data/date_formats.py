"""How a column of dates is written."""

import pandas as pd

from dnn_sweep.core.data.columns import MOSTLY, SAMPLE, describe_first
from dnn_sweep.core.data.reading import parse_dates
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import DataParameters

DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%y", "%d.%m.%y")
OTHER_DATES = ("%Y/%m/%d", "%Y.%m.%d", "%Y. %m. %d", "%Y. %m. %d.", "%Y년 %m월 %d일")
NAMED_MONTHS = (
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
)
TIMES_ALONE = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%p %I:%M:%S", "%p %I:%M")
TIMES = ("", *(f" {time}" for time in TIMES_ALONE))
DIFFERENT = 5000  # values whose parts say which changes more often
_LIKE_A_DATE = (
    r"(?i)\s*(\d{1,4}[-/.년]\s?\d{1,2}[\W월]|\d{1,2}[ -][a-z]{3}|[a-z]{3,9}\.? \d|"
    r"((오전|오후) )?\d{1,2}:\d\d)"
)


def find_dates(text: pd.Series, data: DataParameters) -> str | None:
    """The format of a column of dates, empty for ISO 8601; ``None`` if it holds none.

    Where both the day and the month could come first, the one that changes more often is the day.

    Raises:
        SweepError: If most values are dates and some are not; names column and row.

    >>> find_dates(pd.Series(["01/03/2024", "02/03/2024"]), DataParameters())
    '%d/%m/%Y'
    """
    if not text.head(SAMPLE).str.match(_LIKE_A_DATE).mean() >= MOSTLY:
        return None
    partly = None
    for written in _formats_for(text.drop_duplicates().head(DIFFERENT), data):
        if parse_dates(text.head(SAMPLE), written).notna().mean() < MOSTLY:
            continue
        wrong = parse_dates(text, written).isna()
        if not wrong.any():
            return written
        if wrong.mean() <= 1 - MOSTLY and partly is None:
            partly = wrong
    if partly is None:
        return None
    raise SweepError(
        f"column {text.name!r}: {describe_first(partly, text, 'dates')}. If it stands for a gap, "
        "add it to data.missing; otherwise correct it, or set data.dates: text"
    )


def _formats_for(different: pd.Series, data: DataParameters) -> list[str]:
    """Formats to try, the likelier of two that differ in the order of day and month first."""
    parts = different.str.extract(r"^(\d{1,2})[-/.](\d{1,2})[-/.]").dropna()
    first, second = parts[0].nunique(), parts[1].nunique()
    day_first = first >= second if data.day_first is None else data.day_first
    swapped = [
        each.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m") for each in DAY_FIRST
    ]
    orders = [list(DAY_FIRST), swapped]
    ordered = orders if day_first else orders[::-1]
    if data.day_first is not None:
        ordered = ordered[:1]
    days = [*(each for order in ordered for each in order), *OTHER_DATES, *NAMED_MONTHS]
    return ["", *(day + time for time in TIMES for day in days), *TIMES_ALONE]


def is_ambiguous(column: pd.Series, written: str) -> bool:
    """Whether dates could also be read with day and month exchanged.

    >>> is_ambiguous(pd.Series(["01/03/2024", "02/03/2024"]), "%d/%m/%Y")
    True
    """
    other = written.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")
    if not written.startswith(("%d", "%m")) or "%m" not in written:
        return False
    return bool(parse_dates(column.dropna(), other).notna().all())
