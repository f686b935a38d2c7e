"""Where the champion was wrong and sure of it: the rows worth looking at."""

from base64 import b64encode
from collections.abc import Hashable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.lazy import mpl

MOST_SHOWN = 12
MOST_COLUMNS = 12


@dataclass(frozen=True)
class Mistake:
    """One test row that the champion was wrong about."""

    row_id: Hashable
    true: Any
    predicted: Any
    by: float  # probability of the predicted class, or the absolute error in the target's unit
    picture: str | None  # of an image: a PNG in a ``data:`` address
    values: dict[str, Any]  # of a table's row: its first columns; None where missing


def find_mistakes(
    test_predictions: pd.DataFrame, test_rows: pd.DataFrame, schema: Schema
) -> list[Mistake]:
    """Choose the wrong test rows of highest confidence, for a regression of largest error.

    Predictions have the columns ``row_id``, ``true``, ``predicted`` and ``probability_<class>``;
    the raw test rows are indexed by ``row_id``. The schema says whether a row is an image.
    """
    if schema.task == "regression":
        by = (test_predictions["predicted"] - test_predictions["true"]).abs()
        candidates = test_predictions.assign(by=by)
    else:
        by = test_predictions[[f"probability_{label}" for label in schema.classes]].max(axis=1)
        wrong = test_predictions["predicted"] != test_predictions["true"]
        candidates = test_predictions.assign(by=by)[wrong]
    worst = candidates.sort_values("by", ascending=False, kind="stable").head(MOST_SHOWN)
    mistakes = []
    named = worst[["row_id", "true", "predicted", "by"]]
    for row_id, true, predicted, by in named.itertuples(index=False, name=None):
        row = test_rows.loc[row_id, schema.feature_names]
        few = row.iloc[:MOST_COLUMNS].astype(object)
        picture = _picture(row, schema.shape) if schema.rank == "image" else None
        values = {} if picture else few.where(few.notna(), None).to_dict()
        mistakes.append(Mistake(row_id, true, predicted, by, picture, values))
    return mistakes


def _picture(row: "pd.Series[Any]", shape: tuple[int, ...]) -> str:
    """Draw a row of pixels, its brightest cell as bright as can be."""
    # A gap in the data is drawn as black; the network got an imputed value there.
    pixels = np.nan_to_num(row.to_numpy(dtype=np.float64)).reshape(shape)
    pixels = (pixels - pixels.min()) / (np.ptp(pixels) or 1.0)
    png = BytesIO()
    mpl.image.imsave(png, pixels.squeeze(), cmap="gray", format="png")
    return f"data:image/png;base64,{b64encode(png.getvalue()).decode('ascii')}"
