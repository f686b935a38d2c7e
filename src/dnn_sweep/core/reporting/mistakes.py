"""Where the champion was wrong and sure of it: the rows worth looking at."""

from base64 import b64encode
from collections.abc import Hashable
from dataclasses import dataclass, field
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
    """One test row that the champion was wrong about.

    Args:
        row_id: The row.
        true: Its true label or value.
        predicted: The predicted one.
        by: Probability of the predicted class; for a regression, the absolute error in the unit
            of the target.
        picture: An image as a PNG in a ``data:`` address; ``None`` for a row of a table.
        values: The first columns of a table's row by name; ``None`` where a value is missing.
    """

    row_id: Hashable
    true: Any
    predicted: Any
    by: float
    picture: str | None = None
    values: dict[str, Any] = field(default_factory=dict)


def find_mistakes(
    test_predictions: pd.DataFrame, test_rows: pd.DataFrame, schema: Schema, most: int = MOST_SHOWN
) -> list[Mistake]:
    """Choose the test rows that the champion was most wrong about, worst first.

    Args:
        test_predictions: ``row_id``, ``true``, ``predicted`` and ``probability_<class>``.
        test_rows: The raw test rows, indexed by ``row_id``.
        schema: The task, the classes, the columns and the shape of an image.
        most: How many rows at most.

    Returns:
        For classes the wrong rows, the most confident first; for a regression the rows with the
        largest errors.
    """
    if schema.task == "regression":
        by = (test_predictions["predicted"] - test_predictions["true"]).abs()
        candidates = test_predictions.assign(by=by)
    else:
        by = test_predictions[[f"probability_{label}" for label in schema.classes]].max(axis=1)
        wrong = test_predictions["predicted"] != test_predictions["true"]
        candidates = test_predictions.assign(by=by)[wrong]
    worst = candidates.sort_values("by", ascending=False, kind="stable").head(most)
    mistakes = []
    for row_id, true, predicted, by in zip(
        *(worst[name] for name in ("row_id", "true", "predicted", "by")), strict=True
    ):
        row = test_rows.loc[row_id, schema.feature_names]
        if schema.image_shape is None:
            few = row.iloc[:MOST_COLUMNS].astype(object)
            values = few.where(few.notna(), None).to_dict()
            mistakes.append(Mistake(row_id, true, predicted, by, values=values))
        else:
            picture = _picture(row, schema.image_shape)
            mistakes.append(Mistake(row_id, true, predicted, by, picture=picture))
    return mistakes


def _picture(row: "pd.Series[Any]", shape: tuple[int, int]) -> str:
    """Draw a row of pixels in grey, its brightest one white."""
    # A gap in the data is drawn as black; the network got an imputed value there.
    pixels = np.nan_to_num(row.to_numpy(dtype=np.float64)).reshape(shape)
    png = BytesIO()
    mpl.image.imsave(png, pixels, cmap="gray", format="png")
    return f"data:image/png;base64,{b64encode(png.getvalue()).decode('ascii')}"
