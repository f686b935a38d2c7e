"""Small data sets that need no file: those of scikit-learn, and XOR."""

import numpy as np
import pandas as pd
from kedro_datasets._typing import TablePreview

from dnn_sweep.core.errors import unknown_name
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.datasets.base import ReadOnlyDataset, State

TARGETS = {
    "digits": "digit",
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
    "iris": "species",
    "wine": "cultivar",
    "xor": "xor",
}


class ToyDataset(ReadOnlyDataset[pd.DataFrame]):
    """A data set bundled with scikit-learn, or ``xor``: needs no network and no file.

    Args:
        name: A key of ``TARGETS``, which names the column to predict. The features of
            ``diabetes`` are in their own units. ``xor`` has each of its four points 50 times,
            with a little noise, so that there are rows to validate and to test on.

    >>> ToyDataset("iris").load()["species"].unique().tolist()
    ['setosa', 'versicolor', 'virginica']
    """

    name: str

    def state(self) -> State:
        """Nothing: the data come with the code."""
        return {}

    def load(self) -> pd.DataFrame:
        """Return the features and, as the last column, the target.

        Raises:
            SweepError: If there is no data set of that name.
        """
        if not self._exists():
            where = "catalog entry of type ToyDataset, name"
            raise unknown_name(self.name, TARGETS, what="data set", where=where)
        if self.name == "xor":
            return _draw_xor()
        own_units = {"scaled": False} if self.name == "diabetes" else {}
        bunch = getattr(sklearn.datasets, f"load_{self.name}")(as_frame=True, **own_units)
        target = bunch.target
        names = dict(enumerate(bunch.get("target_names", ())))
        if isinstance(names.get(0), str):  # of digits they are numbers
            target = target.map({code: str(name) for code, name in names.items()})
        table: pd.DataFrame = bunch.data.assign(**{TARGETS[self.name]: target})
        return table

    def preview(self, nrows: int = 5) -> TablePreview:
        """Return the first rows for Kedro-Viz."""
        return TablePreview(self.load().head(nrows).to_dict(orient="split"))

    def _exists(self) -> bool:
        return self.name in TARGETS


def _draw_xor(copies: int = 50, noise: float = 0.1) -> pd.DataFrame:
    points = np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (copies, 1))
    drawn = points + np.random.default_rng(0).normal(scale=noise, size=points.shape)
    table = pd.DataFrame(drawn, columns=["x1", "x2"])
    return table.assign(xor=points[:, 0] ^ points[:, 1])
