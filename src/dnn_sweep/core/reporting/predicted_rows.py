"""Rows worth looking at: mistakes, right predictions, and what was trained on."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.reporting.pictures import draw_pictures

MOST_SHOWN = 12
MOST_COLUMNS = 12
LONGEST = 40  # characters of a cell


@dataclass(frozen=True)
class PredictedRow:
    """One test row with what the champion predicted."""

    row_id: Hashable
    true: Any
    predicted: Any
    by: float  # probability of the predicted class, or the absolute error in the target's unit
    picture: str | None  # of an image: a PNG in a ``data:`` address
    values: dict[str, Any]  # of a table's row: its first columns; None where missing


@dataclass(frozen=True)
class Pictures:
    """Training images of one class, or one image of a regression."""

    label: Any
    picture: str


def find_mistakes(
    test_predictions: pd.DataFrame, test_rows: pd.DataFrame, schema: Schema
) -> list[PredictedRow]:
    """Choose the wrong test rows of highest confidence, for a regression of largest error.

    Predictions have the columns ``row_id``, ``true``, ``predicted`` and ``probability_<class>``;
    the raw test rows are indexed by ``row_id``. The schema says whether a row is an image.
    """
    if schema.task == "regression":
        by = (test_predictions["predicted"] - test_predictions["true"]).abs()
        candidates = test_predictions.assign(by=by)
    else:
        sure = test_predictions.assign(by=confidence_of(test_predictions, schema))
        candidates = sure[sure["predicted"] != sure["true"]]
    worst = candidates.sort_values("by", ascending=False, kind="stable").head(MOST_SHOWN)
    return _described(worst, test_rows, schema)


def find_right(
    test_predictions: pd.DataFrame, test_rows: pd.DataFrame, schema: Schema
) -> list[PredictedRow]:
    """Choose the first right test row of each class, of twelve classes at most."""
    sure = test_predictions.assign(by=confidence_of(test_predictions, schema))
    right = sure[sure["predicted"] == sure["true"]]
    first = right.drop_duplicates("true").set_index("true", drop=False)
    classes = [label for label in schema.classes if label in first.index]
    return _described(first.loc[classes].head(MOST_SHOWN), test_rows, schema)


def confidence_of(test_predictions: pd.DataFrame, schema: Schema) -> pd.Series:
    """The probability of the class that was predicted, which a threshold may have moved."""
    shares = test_predictions[[f"probability_{label}" for label in schema.classes]].to_numpy()
    place = {label: at for at, label in enumerate(schema.classes)}
    said = test_predictions["predicted"].map(place).to_numpy(dtype=np.intp)
    return pd.Series(shares[np.arange(len(said)), said], index=test_predictions.index)


def sample_pictures(data_sample: pd.DataFrame, schema: Schema) -> list[Pictures]:
    """Draw the sampled images, those of a class side by side."""
    groups: Any = data_sample.groupby(schema.target, sort=False, observed=True)
    if not schema.classes:
        groups = ((row[schema.target], data_sample.loc[[at]]) for at, row in data_sample.iterrows())
    return [
        Pictures(label, draw_pictures(rows[schema.feature_names], schema.shape))
        for label, rows in groups
    ]


def first_values(row: "pd.Series[Any]") -> dict[str, Any]:
    """The first columns of a row; None where missing, and no longer than fits into a table."""
    few = row.iloc[:MOST_COLUMNS].astype(object)
    given: dict[Any, Any] = few.where(few.notna(), None).to_dict()
    return {
        str(name): f"{each[:LONGEST]}…" if isinstance(each, str) and len(each) > LONGEST else each
        for name, each in given.items()
    }


def _described(
    predictions: pd.DataFrame, test_rows: pd.DataFrame, schema: Schema
) -> list[PredictedRow]:
    found, names = [], schema.feature_names
    named = predictions[["row_id", "true", "predicted", "by"]]
    for row_id, true, predicted, by in named.itertuples(index=False, name=None):
        if schema.rank == "image":
            picture = draw_pictures(test_rows.loc[[row_id], names], schema.shape)
            found.append(PredictedRow(row_id, true, predicted, by, picture, {}))
        else:
            values = first_values(test_rows.loc[row_id, names])
            found.append(PredictedRow(row_id, true, predicted, by, None, values))
    return found
