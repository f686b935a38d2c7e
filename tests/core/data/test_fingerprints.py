import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.data import fingerprints
from dnn_sweep.core.data.fingerprints import fingerprint_rows
from dnn_sweep.core.errors import SweepError
from tests.champions import COLUMNS, make_rows


def test_a_row_has_the_same_fingerprint_wherever_it_stands():
    rows = make_rows()
    shuffled = rows.sample(frac=1, random_state=1)[sorted(rows.columns, reverse=True)]
    found = fingerprint_rows(shuffled.reset_index(drop=True), COLUMNS)
    there = pd.Series(fingerprint_rows(rows, COLUMNS), rows.index)
    assert found.tolist() == there[shuffled.index].tolist()
    assert len(set(found)) == len(rows)


def test_a_fingerprint_is_the_same_in_every_release():
    table = pd.DataFrame({"age": [31.5, np.nan], "city": ["Oslo", None], "smoker": [True, False]})
    kinds = {"age": "numeric", "city": "categorical", "smoker": "boolean"}
    assert fingerprint_rows(table, kinds).tolist() == [17675072886727302749, 1270295918148601853]


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("numeric", [1, 2], [1.0, 2.0]),
        ("numeric", [0.0, 1.0], [-0.0, 1.0]),
        ("numeric", ["1", "2.5"], [1.0, 2.5]),
        ("numeric", [np.nan, 1.0], [None, 1.0]),
        ("numeric", [np.nan, 1.0], pd.array([None, 1])),
        ("numeric", [np.inf, 1.0], [np.nan, 1.0]),  # both are gaps to the network
        ("boolean", [True, False], ["true", "FALSE"]),
        ("date", ["2031-01-02", None], pd.to_datetime(["2031-01-02", None])),
        ("categorical", [1, 2], [1.0, 2.0]),
        ("categorical", ["a", None], ["a", np.nan]),
    ],
)
def test_values_that_a_network_cannot_tell_apart_have_one_fingerprint(kind, one, other):
    first, second = (pd.DataFrame({"x": pd.Series(each)}) for each in (one, other))
    assert fingerprint_rows(first, {"x": kind}).tolist() == (
        fingerprint_rows(second, {"x": kind}).tolist()
    )


def test_the_target_and_other_columns_do_not_count_and_each_feature_does():
    rows = make_rows()
    found = fingerprint_rows(rows, COLUMNS)
    assert (fingerprint_rows(rows.assign(target=0, note="x"), COLUMNS) == found).all()
    for name in COLUMNS:
        moved = rows.assign(**{name: rows[name].to_numpy()[::-1]})
        assert (fingerprint_rows(moved, COLUMNS) != found).any()


def test_chunks_do_not_show(monkeypatch):
    rows = make_rows()
    whole = fingerprint_rows(rows, COLUMNS)
    monkeypatch.setattr(fingerprints, "CHUNK", 7)
    assert fingerprint_rows(rows, COLUMNS).tolist() == whole.tolist()
    assert len(fingerprint_rows(rows[:0], COLUMNS)) == 0


def test_text_where_a_number_is_expected_names_column_and_row():
    with pytest.raises(SweepError, match="column 'age', row 1: 'old'"):
        fingerprint_rows(pd.DataFrame({"age": [1, "old"]}), {"age": "numeric"})
