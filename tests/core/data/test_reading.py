"""Values mean the same, whether a file or a program sends them."""

import pandas as pd
import pytest

from dnn_sweep.core.data.reading import read_features

GERMAN = {"name": "x", "kind": "numeric", "decimal": ",", "thousands": "."}


def read(values, how, missing=None):
    return read_features(pd.DataFrame({"x": pd.Series(values, dtype=object)}), [how], missing)


def test_a_number_among_text_is_that_number():
    """Written out, 1.234 would be 1234 here."""
    assert read([1.234, "1.234", "2,5", 7], GERMAN)["x"].tolist() == [1.234, 1234, 2.5, 7]


@pytest.mark.parametrize("values", [["-999", 5], ["-999", "?", 5], [-999.0, "?", 5]])
def test_a_number_that_marks_gaps_marks_them_among_text_too(values):
    found = read(values, {"name": "x", "kind": "numeric"}, ["-999", "?"])["x"]
    assert found.isna().tolist() == [True] * (len(values) - 1) + [False]


@pytest.mark.parametrize(("day", "elapsed"), [("9999-12-31", 2932896), ("1500-01-01", -171664)])
def test_a_date_may_lie_beyond_what_nanoseconds_count(day, elapsed):
    date = {"name": "x", "kind": "date", "parts": ["elapsed"]}
    assert read([day], date)["x (elapsed)"].tolist() == [elapsed]
