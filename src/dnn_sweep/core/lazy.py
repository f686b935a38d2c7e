"""Heavy libraries, each loaded on first use: ``from dnn_sweep.core.lazy import keras, tf``.

Every Kedro command imports every pipeline, and so every module of ``core``. TensorFlow takes five
seconds to import, scikit-learn, Plotly and Matplotlib about one each; ``kedro registry list``
needs none of them. Other libraries are imported the ordinary way. A module that annotates with
such a name, as in ``-> go.Figure``, needs ``from __future__ import annotations``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dnn_sweep import startup
from dnn_sweep.core.address_space import require_address_space


class LazyModule:
    """Stands for a module until one of its attributes is read.

    Unlike ``importlib.util.LazyLoader`` it leaves no unfinished module in ``sys.modules``, where
    MLflow and skops would look into it and thereby load it.

    >>> scipy = LazyModule("scipy")
    >>> float(scipy.special.expit(0.0))
    0.5
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> Any:
        """Import the module; return one of its attributes or submodules."""
        if name.startswith("__"):  # inspection, such as doctest's, loads nothing
            raise AttributeError(name)
        if self._path in ("keras", "tensorflow"):
            require_address_space()
            startup.import_tensorflow()
        module = import_module(self._path)
        if hasattr(module, name):
            return getattr(module, name)
        try:
            return import_module(f"{self._path}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{self._path}.{name}":  # a module that it needs is missing
                raise
            raise AttributeError(f"module {self._path!r} has no attribute {name!r}") from None


if TYPE_CHECKING:
    import keras
    import matplotlib as mpl
    import optuna
    import plotly.graph_objects as go
    import sklearn
    import skops.io as skops_io
    import tensorflow as tf
else:
    keras = LazyModule("keras")
    tf = LazyModule("tensorflow")
    mpl = LazyModule("matplotlib")
    optuna = LazyModule("optuna")
    go = LazyModule("plotly.graph_objects")
    sklearn = LazyModule("sklearn")
    skops_io = LazyModule("skops.io")

__all__ = ["LazyModule", "go", "keras", "mpl", "optuna", "sklearn", "skops_io", "tf"]
