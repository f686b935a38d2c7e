"""The number of folds: by default as many as there are seeds, for small tables."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from dnn_sweep.core.data.division import choose_folds, divide_rows
from dnn_sweep.core.data.folds import count_folds
from dnn_sweep.core.data.validation import validate_table
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import DataParameters, SplitParameters

AUTO = SplitParameters(folds="auto")


def chosen(seeds=5, rows=1000, data=None, budget=False, **split):
    given = SplitParameters(**({"folds": "auto"} | split))
    data = data or DataParameters(target="label")
    found = choose_folds(given, data, rows, seeds, budget=budget)
    return found.folds, found.repeats


def divided(frame, split=AUTO, **given):
    data = DataParameters(target="label")
    clean, schema = validate_table(frame, data, split)
    return divide_rows(clean, schema, data, split, **({"seeds": 5} | given))


def table(counts):
    labels = np.repeat(list(counts), list(counts.values()))
    return pd.DataFrame({"x": np.arange(len(labels)) / 7, "label": labels})


@pytest.mark.parametrize(
    ("seeds", "folds", "repeats"),
    [(5, 5, 1), (4, 4, 1), (6, 6, 1), (8, 4, 2), (10, 5, 2), (13, 13, 1), (45, 5, 9)],
)
def test_auto_deals_the_seeds_evenly_to_about_five_folds(seeds, folds, repeats):
    assert chosen(seeds) == (folds, repeats)


@pytest.mark.parametrize(
    "given",
    [
        {"seeds": 1},
        {"seeds": 3},  # each would be trained on two thirds
        {"seeds": 23},
        {"rows": 5000},
        {"data": DataParameters(target="label", split_column="part")},
        {"time": "day"},
        {"budget": True},
        {"folds": None},
    ],
)
def test_otherwise_there_is_one_split(given):
    assert chosen(**given) == (None, 1)


def test_a_number_of_folds_trains_every_seed_in_every_fold_unless_asked_otherwise():
    assert chosen(folds=4, repeats=2) == (4, 2)
    assert chosen(8, folds=4, seeds_per_fold="one") == (4, 2)
    assert chosen(seeds_per_fold="all", repeats=2) == (4, 2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seeds": 5}, r"deals the 5 training\.seeds to 4 folds; take a multiple .* such as 8"),
        ({"seeds": 8, "budget": True}, r"budget\.minutes gives combinations unequal numbers"),
    ],
)
def test_seeds_that_cannot_be_dealt_to_the_folds_are_refused(given, said):
    with pytest.raises(SweepError, match=said):
        chosen(folds=4, seeds_per_fold="one", **given)


def test_repeats_follow_from_the_seeds_where_each_has_a_fold_of_its_own():
    with pytest.raises(ValidationError, match=r"split\.repeats \(2\) follows from the seeds"):
        SplitParameters(folds="auto", repeats=2)


def test_every_row_outside_the_test_split_is_in_one_fold():
    train, validation, test, ids, folds = divided(table({"a": 60, "b": 40}))
    assert train.equals(validation)
    assert len(train) + len(test) == 100
    assert count_folds(folds) == 5
    assert set(ids["split"]) == {"folds", "test"}


def test_a_class_with_fewer_rows_than_folds_falls_back_on_one_split():
    train, validation, _, ids, folds = divided(table({"a": 60, "b": 5}))
    assert folds.empty
    assert not set(train.index) & set(validation.index)
    assert set(ids["split"]) == {"train", "validation", "test"}


def test_folds_that_were_asked_for_do_not_fall_back():
    with pytest.raises(SweepError, match=r"split\.folds: 5"):
        divided(table({"a": 60, "b": 5}), SplitParameters(folds=5))


def test_seeds_are_counted_as_the_training_counts_them():
    assert count_folds(divided(table({"a": 60, "b": 40}), seeds=[3, 1, 4, 15])[4]) == 4
    assert count_folds(divided(table({"a": 60, "b": 40}), seeds=5, minutes=2.0)[4]) == 0
