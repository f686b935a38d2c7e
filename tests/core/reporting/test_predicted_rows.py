from base64 import b64decode
from io import BytesIO

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.data.sample import sample_rows
from dnn_sweep.core.data.schema import Column, Schema
from dnn_sweep.core.reporting.pictures import draw_pictures
from dnn_sweep.core.reporting.predicted_rows import find_mistakes, find_right, sample_pictures
from tests.sample_sweep import sample_sweep

THREE = [("sigmoid", "sgd"), ("relu", "sgd"), ("relu", "adam")]


def test_only_wrong_rows_are_shown_and_the_surest_first():
    sweep = sample_sweep(THREE)

    worst = find_mistakes(sweep.test_predictions, sweep.test_rows, sweep.schema)

    wrong = sweep.test_predictions.query("true != predicted")
    assert {each.row_id for each in worst} <= set(wrong["row_id"])
    assert len(worst) == min(12, len(wrong)) > 5
    assert [each.by for each in worst] == sorted((each.by for each in worst), reverse=True)
    assert worst[0].by == max(
        line[f"probability_{line['predicted']}"] for line in wrong.to_dict("records")
    )


def test_of_a_regression_the_largest_errors_are_shown():
    sweep = sample_sweep(THREE, task="regression")

    worst = find_mistakes(sweep.test_predictions, sweep.test_rows, sweep.schema)

    error = (sweep.test_predictions["true"] - sweep.test_predictions["predicted"]).abs()
    assert [each.by for each in worst] == sorted(error, reverse=True)[:12]


def test_an_image_is_shown_with_the_rows_own_pixels():
    from matplotlib.image import imread

    sweep = sample_sweep(THREE, shape=(8, 8, 1))

    first = find_mistakes(sweep.test_predictions, sweep.test_rows, sweep.schema)[0]

    address, png = first.picture.split(",")
    assert address == "data:image/png;base64"
    grey = imread(BytesIO(b64decode(png)))[..., 0]
    pixels = sweep.test_rows.loc[first.row_id].to_numpy().reshape(8, 8)
    assert grey == pytest.approx((pixels - pixels.min()) / np.ptp(pixels), abs=0.01)


def test_a_row_of_a_table_is_shown_with_its_first_columns():
    sweep = sample_sweep(THREE)

    first = find_mistakes(sweep.test_predictions, sweep.test_rows, sweep.schema)[0]

    assert list(first.values) == [f"pixel{i}" for i in range(12)]
    row = sweep.test_rows.loc[first.row_id]
    assert list(first.values.values()) == list(row.iloc[:12])


def test_rows_may_hold_text_and_gaps():
    schema = Schema(
        task="binary", target="y", classes=("no", "yes"), rows=2, fingerprint="f",
        features=(Column(name="colour", kind="categorical"), Column(name="size", kind="numeric")),
    )  # fmt: skip
    rows = pd.DataFrame({"colour": ["red", None], "size": [1.5, np.nan]}, index=[4, 9])
    predictions = pd.DataFrame(
        {"row_id": [4, 9], "true": ["no", "no"], "predicted": ["no", "yes"],
         "probability_no": [0.9, 0.2], "probability_yes": [0.1, 0.8]}
    )  # fmt: skip

    (mistake,) = find_mistakes(predictions, rows, schema)

    assert (mistake.row_id, mistake.by) == (9, 0.8)
    assert mistake.values == {"colour": None, "size": None}


def test_of_each_class_the_first_right_row_is_shown():
    sweep = sample_sweep(THREE, shape=(8, 8, 1))
    found = find_right(sweep.test_predictions, sweep.test_rows, sweep.schema)
    right = sweep.test_predictions.query("true == predicted").drop_duplicates("true")
    assert [each.row_id for each in found] == right["row_id"].tolist()
    assert [each.true for each in found] == list(sweep.schema.classes)


def test_sureness_is_that_of_the_class_which_a_moved_threshold_predicts():
    schema = Schema(
        task="binary", target="y", classes=("no", "yes"), rows=1, fingerprint="f",
        features=(Column(name="size", kind="numeric"),),
    )  # fmt: skip
    rows = pd.DataFrame({"size": [1.5]}, index=[4])
    predictions = pd.DataFrame(
        {"row_id": [4], "true": ["no"], "predicted": ["yes"],
         "probability_no": [0.7], "probability_yes": [0.3]}
    )  # fmt: skip
    assert [each.by for each in find_mistakes(predictions, rows, schema)] == [0.3]


def test_a_sample_of_images_has_all_classes_and_few_cells():
    schema = sample_sweep(THREE, shape=(8, 8, 1)).schema
    rows = pd.DataFrame({name: range(300) for name in schema.feature_names})
    rows[schema.target] = [at % 10 for at in range(300)]

    sample = sample_rows(rows, schema)
    pictures = sample_pictures(sample, schema)

    assert sample[schema.target].value_counts().to_dict() == dict.fromkeys(range(10), 6)
    assert [each.label for each in pictures] == list(range(10))


def test_large_pictures_are_thinned_out_and_stand_side_by_side():
    from matplotlib.image import imread

    row = pd.DataFrame(np.random.default_rng(0).random((2, 100 * 130 * 3)))
    png = b64decode(draw_pictures(row, (100, 130, 3)).partition(",")[2])
    assert imread(BytesIO(png)).shape == (34, 44 + 3 + 44, 4)
