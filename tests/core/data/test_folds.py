"""Cross-validation divides the rows so that no network is scored on a row that it saw."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from dnn_sweep.core.data.folds import assign_folds, divide_folds, rows_by_fold, scale_folds
from dnn_sweep.core.data.preprocessing import TARGET, fit_preprocessor, scale_rows
from dnn_sweep.core.data.splitting import split_rows
from dnn_sweep.core.data.validation import validate_table
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import DataParameters, ScalingParameters, SplitParameters

SCALING = ScalingParameters()


def table(rows=200, **columns):
    label = np.where(np.arange(rows) % 4 == 0, "rare", "common")
    return pd.DataFrame({"x": np.arange(rows) / 7, "label": label}).assign(**columns)


def cross_validate(frame, target="label", data=None, **parameters):
    """Rows outside the test split, their folds, and every fold's scaled rows."""
    data = data or DataParameters(target=target)
    split = SplitParameters(**({"folds": 4} | parameters))
    clean, schema = validate_table(frame, data, split)
    train, validation, test, ids = split_rows(clean, schema, data, split)
    folds = assign_folds(train, schema, split)
    fitted, _ = fit_preprocessor(train, schema, SCALING)
    return train, validation, test, ids, folds, scale_folds(train, folds, fitted, schema, SCALING)


def test_every_row_outside_the_test_split_is_validated_once_per_repeat():
    train, validation, test, ids, folds, _ = cross_validate(table(), repeats=3)

    assert train.equals(validation)
    assert sorted([*train.index, *test.index]) == list(range(200))
    assert ids["split"].value_counts().to_dict() == {"folds": 160, "test": 40}
    numbers = rows_by_fold(folds)
    assert len(numbers) == 12
    for repeat in range(3):
        rows = np.concatenate(numbers[4 * repeat : 4 * repeat + 4])
        assert sorted(rows) == list(range(160))
    assert not np.array_equal(numbers[0], numbers[4])  # divided anew


def test_no_row_is_validated_by_a_network_that_saw_it():
    train, *_, matrices = cross_validate(table())
    for inner in (0.0, 0.2):
        for fold in divide_folds(matrices, inner):
            parts = [fold.train, fold.scored, *([fold.watched] if inner else [])]
            rows = np.concatenate([part.index for part in parts])
            assert sorted(rows) == sorted(train.index)  # each once, in one part alone


def test_folds_keep_the_shares_of_the_classes():
    train, *_, folds, _ = cross_validate(table())
    shares = (train["label"] == "rare").groupby(folds["repeat_1"]).mean()
    assert shares.tolist() == pytest.approx([0.25] * 4)


def test_folds_of_a_regression_differ_by_one_row_at_most():
    frame = pd.DataFrame({"x": np.arange(103.0), "y": np.arange(103) * 1.5})
    *_, folds, _ = cross_validate(frame, "y")
    sizes = folds["repeat_1"].value_counts()
    assert sizes.sum() == 82
    assert sizes.max() - sizes.min() <= 1


def test_a_folds_scaling_does_not_see_the_rows_that_it_validates():
    train, *_, matrices = cross_validate(table())
    for fold in divide_folds(matrices, 0):
        x = train["x"].loc[fold.train.index]
        expected = (train["x"].loc[fold.scored.index] - x.mean()) / x.std(ddof=0)
        assert np.allclose(fold.scored["numeric__x"], expected, atol=1e-5)
        assert fold.train["numeric__x"].mean() == pytest.approx(0, abs=1e-6)


def test_a_regressions_target_is_scaled_by_the_training_rows_of_the_fold():
    frame = pd.DataFrame({"x": np.arange(100.0), "y": np.arange(100) ** 1.5})
    *_, matrices = cross_validate(frame, "y")
    for fold in divide_folds(matrices, 0):
        assert fold.train[TARGET].mean() == pytest.approx(0, abs=1e-6)
        own = fold.scored[TARGET] * fold.scaling.scale + fold.scaling.mean
        assert np.allclose(own, frame["y"][fold.scored.index], atol=1e-3)


def test_a_category_that_a_fold_lacks_is_zero_as_in_serving():
    city = ["Oslo"] * 200
    frame = table(city=city)
    frame.loc[frame.index[5], "city"] = "Rome"
    train, *_, matrices = cross_validate(frame, test=0.1)
    assert 5 in train.index
    for fold in divide_folds(matrices, 0):
        assert "categorical__city_Rome" in fold.train
        if 5 in fold.scored.index:
            assert fold.scored.loc[5, ["categorical__city_Rome"]].item() == 0
            assert fold.scored.loc[5, ["categorical__city_Oslo"]].item() == 0


def test_a_given_test_split_stays_and_its_training_rows_are_divided():
    given = DataParameters(target="label", split_column="part")
    frame = table(part=["train"] * 150 + ["test"] * 50)
    train, _, test, _, folds, _ = cross_validate(frame, data=given)
    assert train.index.tolist() == folds.index.tolist() == list(range(150))
    assert test.index.tolist() == list(range(150, 200))


def test_without_folds_there_is_nothing():
    *_, folds, matrices = cross_validate(table(), folds=None)
    assert folds.empty
    assert matrices.empty
    assert divide_folds(matrices, 0) == []


def test_more_folds_than_rows_of_a_class_are_refused():
    frame = table()
    frame["label"] = ["rare"] * 6 + ["common"] * 194
    with pytest.raises(SweepError, match=r"split\.folds: 8.*'rare' \(6\)"):
        cross_validate(frame, folds=8)


def test_more_folds_than_rows_are_refused():
    frame = pd.DataFrame({"x": np.arange(30.0), "y": np.arange(30) * 1.5})
    with pytest.raises(SweepError, match=r"split\.folds: 25 folds of 24 rows"):
        cross_validate(frame, "y", folds=25)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"repeats": 2}, "split.folds is null"),
        ({"folds": 1}, "greater than or equal to 2"),
        ({"folds": "all"}, "folds"),
        ({"folds": 4, "inner": 1}, "inner"),
    ],
)
def test_contradictions_are_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        SplitParameters(**given)


def test_scaled_rows_keep_the_order_of_the_table():
    frame = table()
    data = DataParameters(target="label")
    _, schema = validate_table(frame, data, SplitParameters())
    train, *_, matrices = cross_validate(frame)
    fitted, scaling = fit_preprocessor(train, schema, SCALING)
    whole = scale_rows(train, fitted, scaling, schema)
    for _, rows in matrices.groupby("fold"):
        assert rows.index.equals(whole.index)
        assert rows[TARGET].equals(whole[TARGET])
