"""Where the champion was wrong and sure of it: the rows worth looking at."""

from base64 import b64encode
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

from dnn_sweep.core.data.schema import Schema

MOST_SHOWN = 12
MOST_COLUMNS = 12


def worst_predictions(
    test_predictions: pd.DataFrame, schema: Schema, most: int = MOST_SHOWN
) -> pd.DataFrame:
    """Choose the test rows that the champion was most wrong about.

    Args:
        test_predictions: ``row_id``, ``true``, ``predicted`` and ``probability_<class>``.
        schema: The task and the classes.
        most: How many rows at most.

    Returns:
        ``row_id``, ``true``, ``predicted`` and ``by``, worst first. For classes only wrong ones,
        and ``by`` is the probability given to the predicted class; for a regression, the absolute
        error in the target's unit.
    """
    columns = ["row_id", "true", "predicted"]
    if schema.task == "regression":
        worst = test_predictions[columns].assign(
            by=(test_predictions["predicted"] - test_predictions["true"]).abs()
        )
    else:
        given = test_predictions[[f"probability_{label}" for label in schema.classes]]
        wrong = test_predictions["predicted"] != test_predictions["true"]
        worst = test_predictions[columns].assign(by=given.max(axis=1))[wrong]
    return worst.sort_values("by", ascending=False, kind="stable").head(most)


def show_mistakes(
    test_predictions: pd.DataFrame, test_rows: pd.DataFrame, schema: Schema, most: int = MOST_SHOWN
) -> list[dict[str, Any]]:
    """Add to the worst predictions what the network saw: a picture, or the row's values.

    Args:
        test_predictions: As for `worst_predictions`.
        test_rows: The raw test rows, indexed by ``row_id``.
        schema: The task, the classes, the columns and the shape of an image.
        most: How many rows at most.

    Returns:
        For each row ``row_id``, ``true``, ``predicted``, ``by``, and either ``picture`` (a PNG as
        a ``data:`` address) or ``values`` (the first columns by name).
    """
    shown: list[dict[str, Any]] = []
    for found in worst_predictions(test_predictions, schema, most).to_dict("records"):
        mistake = {str(key): value for key, value in found.items()}
        row = test_rows.loc[mistake["row_id"], schema.feature_names]
        if schema.image_shape is None:
            mistake["values"] = row.iloc[:MOST_COLUMNS].to_dict()
        else:
            mistake["picture"] = _picture(row, schema.image_shape)
        shown.append(mistake)
    return shown


def _picture(row: "pd.Series[Any]", shape: tuple[int, int]) -> str:
    """Draw a row of pixels in grey, its brightest one white."""
    from matplotlib.image import imsave

    # A gap in the data is drawn as black; the network got an imputed value there.
    pixels = np.nan_to_num(row.to_numpy(dtype=np.float64)).reshape(shape)
    png = BytesIO()
    imsave(png, pixels, cmap="gray", format="png")
    return f"data:image/png;base64,{b64encode(png.getvalue()).decode('ascii')}"
