from base64 import b64decode
from io import BytesIO

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.data.schema import Column, Schema
from dnn_sweep.core.reporting.mistakes import find_mistakes
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
