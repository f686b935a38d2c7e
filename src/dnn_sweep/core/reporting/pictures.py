"""Rows of pixels as pictures that a page holds in itself."""

from base64 import b64encode
from io import BytesIO

import numpy as np
import pandas as pd

from dnn_sweep.core.lazy import mpl

WIDEST = 64  # pixels of a picture's longer side; a larger one is thinned out
GAP = 0.06  # between two pictures, as a share of their width


def draw_pictures(rows: pd.DataFrame, shape: tuple[int, ...]) -> str:
    """Draw rows of pixels side by side, the brightest cell of each as bright as can be.

    Args:
        rows: The pixels of one picture in each row.
        shape: Height, width and channels of a picture.

    Returns:
        A PNG in a ``data:`` address.

    >>> draw_pictures(pd.DataFrame([[0, 1, 1, 0]]), (2, 2, 1))[:22]
    'data:image/png;base64,'
    """
    # A gap in the data is drawn as black; the network got an imputed value there.
    pixels = np.nan_to_num(rows.to_numpy(dtype=np.float64)).reshape(len(rows), *shape)
    step = -(-max(shape[:2]) // WIDEST)
    pixels = pixels[:, ::step, ::step]
    low, high = pixels.min(axis=(1, 2, 3), keepdims=True), pixels.max(axis=(1, 2, 3), keepdims=True)
    pixels = (pixels - low) / np.where(high > low, high - low, 1.0)
    colours = np.ones((*pixels.shape[:3], 4))
    colours[..., :3] = pixels if pixels.shape[3] in (1, 3) else pixels[..., :1]
    width = max(1, round(GAP * pixels.shape[2]))
    gap = np.zeros((colours.shape[1], width, 4))  # transparent, on a light and on a dark page
    parts = [part for each in colours for part in (gap, each)][1:]
    png = BytesIO()
    mpl.image.imsave(png, np.concatenate(parts, axis=1), format="png")
    return f"data:image/png;base64,{b64encode(png.getvalue()).decode('ascii')}"
