"""The data sets that come with scikit-learn, as one table each."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import TablePreview

from dnn_sweep.core.errors import unknown_name


class ToyDataset(AbstractDataset[None, pd.DataFrame]):
    """A data set bundled with scikit-learn: needs no network and no file.

    Args:
        name: ``digits`` (target ``digit``), ``breast_cancer`` (target ``diagnosis``),
            ``diabetes`` (target ``progression``, features in their own units), ``iris`` (target
            ``species``) or ``wine`` (target ``cultivar``).
        metadata: For plugins such as Kedro-Viz.

    Raises:
        SweepError: On loading, when there is no data set of that name.
    """

    def __init__(self, name: str, metadata: dict[str, Any] | None = None) -> None:
        self._name = name
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Return the features and, as the last column, the target."""
        if self._name not in _TABLES:
            raise unknown_name(
                self._name, _TABLES, what="data set", where="catalog entry of type ToyDataset, name"
            )
        return _TABLES[self._name]()

    def save(self, data: None) -> None:
        """Refuse: the data sets belong to scikit-learn."""
        raise DatasetError(f"{type(self).__name__} is read-only")

    def preview(self, nrows: int = 5) -> TablePreview:
        """Return the first rows for Kedro-Viz.

        Args:
            nrows: How many.
        """
        return TablePreview(self.load().head(nrows).to_dict(orient="split"))

    def _exists(self) -> bool:
        return self._name in _TABLES

    def _describe(self) -> dict[str, Any]:
        return {"name": self._name}


def _digits() -> pd.DataFrame:
    from sklearn.datasets import load_digits

    bunch = load_digits(as_frame=True)
    return _join(bunch.data, bunch.target, "digit")


def _diabetes() -> pd.DataFrame:
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False, as_frame=True)
    return _join(bunch.data, bunch.target, "progression")


def _breast_cancer() -> pd.DataFrame:
    from sklearn.datasets import load_breast_cancer

    return _with_class_names(load_breast_cancer(as_frame=True), "diagnosis")


def _iris() -> pd.DataFrame:
    from sklearn.datasets import load_iris

    return _with_class_names(load_iris(as_frame=True), "species")


def _wine() -> pd.DataFrame:
    from sklearn.datasets import load_wine

    return _with_class_names(load_wine(as_frame=True), "cultivar")


def _with_class_names(bunch: Any, target: str) -> pd.DataFrame:
    names = dict(enumerate(map(str, bunch.target_names)))
    return _join(bunch.data, bunch.target.map(names), target)


def _join(features: pd.DataFrame, target: "pd.Series[Any]", name: str) -> pd.DataFrame:
    return features.assign(**{name: target})


_TABLES: dict[str, Callable[[], pd.DataFrame]] = {
    "digits": _digits,
    "breast_cancer": _breast_cancer,
    "diabetes": _diabetes,
    "iris": _iris,
    "wine": _wine,
}
