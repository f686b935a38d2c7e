"""Heavy libraries, each loaded on first use: ``from dnn_sweep.core.lazy import keras, tf``.

Every command of Kedro imports every pipeline, and so every module of ``core``. TensorFlow takes
five seconds to import, scikit-learn, Plotly and Matplotlib about one each; ``kedro registry list``
needs none of them. A name from this module stands for the library and imports it when an
attribute is first read. Libraries that are not listed here are imported the ordinary way.

A module that annotates with such a name, as in ``-> go.Figure``, needs
``from __future__ import annotations``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any


class LazyModule:
    """Stands for a module until one of its attributes is read.

    Unlike ``importlib.util.LazyLoader`` it leaves no unfinished module in ``sys.modules``, where
    MLflow and skops would look into it and thereby load it.

    Args:
        path: Dotted path of the module.

    Example:
        >>> scipy = LazyModule("scipy")
        >>> float(scipy.special.expit(0.0))
        0.5
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> Any:
        """Import the module; return one of its attributes or submodules."""
        module = import_module(self._path)
        if hasattr(module, name):
            return getattr(module, name)
        return import_module(f"{self._path}.{name}")


if TYPE_CHECKING:
    import keras
    import matplotlib as mpl
    import plotly.graph_objects as go
    import sklearn
    import skops.io as skops_io
    import tensorflow as tf
else:
    _quiet = LazyModule("dnn_sweep.core.networks.quiet_keras")  # hides TensorFlow's messages

    class _QuietLibrary(LazyModule):
        def __getattr__(self, name: str) -> Any:
            return getattr(getattr(_quiet, self._path), name)

    keras = _QuietLibrary("keras")
    tf = _QuietLibrary("tensorflow")
    mpl = LazyModule("matplotlib")
    go = LazyModule("plotly.graph_objects")
    sklearn = LazyModule("sklearn")
    skops_io = LazyModule("skops.io")

__all__ = ["LazyModule", "go", "keras", "mpl", "sklearn", "skops_io", "tf"]
